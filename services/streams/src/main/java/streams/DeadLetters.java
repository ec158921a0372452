package streams;

import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.streams.errors.ErrorHandlerContext;
import org.apache.kafka.streams.errors.LogAndContinueExceptionHandler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts the messages that are no readings. Kafka Streams sends them to the dead-letter topic. */
public final class DeadLetters extends LogAndContinueExceptionHandler {
  static final AtomicLong COUNT = new AtomicLong();
  private static final Logger LOG = LoggerFactory.getLogger(DeadLetters.class);

  @Override
  public Response handleError(ErrorHandlerContext context, ConsumerRecord<byte[], byte[]> record, Exception problem) {
    COUNT.incrementAndGet();
    LOG.warn("dead letter {}-{} offset {}: {}", record.topic(), record.partition(), record.offset(), problem.getMessage());
    return super.handleError(context, record, problem);
  }
}

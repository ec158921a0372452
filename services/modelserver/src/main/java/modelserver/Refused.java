package modelserver;

import java.util.List;

/** A request that gets no prediction: its status, and what the answer says in `detail`. */
class Refused extends RuntimeException {
    final int status;
    final transient Object detail;

    Refused(int status, Object detail) {
        super(detail.toString(), null, false, false);
        this.status = status;
        this.detail = detail;
    }

    /** What is wrong with one part of a request, in the format of FastAPI. */
    record Detail(String type, List<?> loc, String msg) {}

    /** Return a refusal for invalid content. */
    static Refused invalid(String type, List<?> loc, String message) {
        return new Refused(422, List.of(new Detail(type, loc, message)));
    }
}

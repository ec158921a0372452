    # Show warnings, but not every message of TensorFlow.
    TF_CPP_MIN_LOG_LEVEL=1 \

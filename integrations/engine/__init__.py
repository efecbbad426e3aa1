"""The delivery engine: read, stage, resolve, deliver, settle."""

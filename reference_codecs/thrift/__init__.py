"""Apache Thrift: framed, unframed and header transports; binary, compact and JSON protocols."""

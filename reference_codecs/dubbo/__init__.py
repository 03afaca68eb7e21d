"""Apache Dubbo: its frame, the serializations of its bodies, and hessian2."""

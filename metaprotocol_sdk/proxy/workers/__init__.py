"""A proxy of several processes that is one thing to its operator.

* **Parent**: owns the listening sockets, the configuration and what looks after clusters; forwards nothing.
* **Worker**: a process that serves what the parent has, by sockets the parent gave it.
* **Channel**: what the parent and one worker tell each other.
* **Block**: memory that all of them see: circuit breakers' gauges and token buckets are the whole proxy's.

This module imports nothing.
"""

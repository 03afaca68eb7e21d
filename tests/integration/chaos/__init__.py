"""A real proxy between real servers, under load, while things happen to it.

* ``backend``: a server, as a program of its own.
* ``processes``: the programs of a run, and what the system says of them.
* ``deployment``: the proxy's configuration, on disk as Kubernetes has it.
* ``events``: what happens, drawn from a seed, or read from a file.
* ``load``: clients that know their own replies.
"""

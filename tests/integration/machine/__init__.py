"""A state machine that drives clients, servers and failures through one proxy.

* ``setup``: what one run is configured as.
* ``clock``: time that passes when the machine says so.
* ``channel``: how bytes are moved, as they are or by TLS; ``certificates``: those of a run, and their replacement.
* ``wire``: the ends of connections that are not the proxy's, by hand.
* ``book``: what was said, and what may therefore be heard: the laws.
* ``inside``: the laws that are seen from inside the proxy: what is bounded, what is left behind.
* ``world``: one proxy, its clients and servers.
* ``rules``: the machine itself, as Hypothesis drives it.
* ``mutants``: proxies broken on purpose, each of which the machine must catch.
"""

"""The proxy's nouns. This module imports nothing.

* **Listener**: an address clients connect to, with the protocol they speak there.
* **Cluster**: a named set of endpoints, and how one is picked.
* **Endpoint**: the address of one server.
* **Route**: what a request's strings must be, and the cluster it then goes to. The first match wins.
* **Stream**: one request's life, from its first byte to the last byte of its reply.
* **Filter**: one concern that sees every request on its way in and every reply on its way out.
* **Router**: the last filter: route, cluster, endpoint, upstream.
* **Downstream**: a client's connection. **Upstream**: a server's.
* **Local reply**: an error the proxy answers by itself, written by ``Codec.on_error``.

Decisions are pure: sockets live in ``net/`` alone, and anything that waits, picks or measures is handed its clock and
its source of chance.
"""

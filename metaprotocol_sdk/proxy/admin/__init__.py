"""What an operator may ask and order a running proxy: Envoy's admin interface, apart from its socket.

A request becomes a response in :mod:`.handler`, by the table of :mod:`.commands`; :mod:`.operated` is what a running
proxy must be able to answer for that.
"""

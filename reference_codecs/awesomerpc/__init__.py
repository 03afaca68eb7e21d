"""awesomerpc, the protocol of MetaProtocol's own scaffold."""

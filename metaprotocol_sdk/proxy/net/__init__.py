"""The only folder that touches a socket. It moves bytes and asks the floors below what to do with them."""

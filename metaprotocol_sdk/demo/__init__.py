"""What this product does, shown in a minute: a new protocol, from nothing to proxied messages.

======================  ==================================================================
:mod:`.story`           what is shown, in order
:mod:`.project`         the new protocol's project, made importable and registered
:mod:`.process`         a program that is started, says where it listens, and is stopped
======================  ==================================================================
"""

"""What a TLS configuration becomes: contexts of ``ssl``, values that are made anew when their files change."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping

from metaprotocol_sdk.proxy.config.credentials import (
    check_revocations,
    read_chain,
    read_source,
    use_authorities,
    use_certificate,
    use_revocations,
)
from metaprotocol_sdk.proxy.config.values import (
    CertificateConfig,
    DataSource,
    DownstreamTlsConfig,
    TlsConfig,
    TlsVersion,
    UpstreamTlsConfig,
)

Material = Mapping[DataSource, bytes]
"""What the sources of a configuration had at one time."""

_VERSIONS = {TlsVersion.TLS_1_2: ssl.TLSVersion.TLSv1_2, TlsVersion.TLS_1_3: ssl.TLSVersion.TLSv1_3}


def read_material(config: TlsConfig) -> Material:
    """Everything that ``config`` is made of, as it is now.

    Raises:
        ValueError: A file cannot be read.
    """
    return {source: read_source(source) for source in config.sources}


def make_context(config: TlsConfig, material: Material) -> ssl.SSLContext:
    """The context of one side's connections.

    Args:
        config: A :class:`DownstreamTlsConfig` or an :class:`UpstreamTlsConfig`.
        material: What its sources have.

    Raises:
        ValueError: A certificate, a key or an authority cannot be used; says why.
    """
    if isinstance(config, DownstreamTlsConfig):
        return _server_context(config, material)
    assert isinstance(config, UpstreamTlsConfig)
    return _client_context(config, material)


def _client_context(config: UpstreamTlsConfig, material: Material) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = config.auto_sni_san_validation
    context.verify_mode = ssl.CERT_NONE if config.validation.trusted_ca is None else ssl.CERT_REQUIRED
    _configure(context, config, material)
    for each in config.certificates:
        _show(context, each, material)
    return context


def _server_context(config: DownstreamTlsConfig, material: Material) -> ssl.SSLContext:
    by_names: dict[tuple[str, ...], ssl.SSLContext] = {}
    for each in config.certificates:
        names = read_chain(material[each.chain])[0].names
        context = by_names.get(names)
        if context is None:  # two for the same hosts have keys of two kinds, and OpenSSL chooses
            context = by_names[names] = _bare_server_context(config, material)
        _show(context, each, material)
    first = next(iter(by_names.values()))
    if len(by_names) > 1:
        by_name: dict[str, ssl.SSLContext] = {}
        for names, context in by_names.items():
            for name in names:
                by_name.setdefault(name, context)
        first.sni_callback = _by_sni(by_name)
    return first


def _bare_server_context(config: DownstreamTlsConfig, material: Material) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if config.validation.trusted_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED if config.require_client_certificate else ssl.CERT_OPTIONAL
    _configure(context, config, material)
    return context


def _by_sni(by_name: Mapping[str, ssl.SSLContext]) -> Callable[[ssl.SSLObject, str | None, ssl.SSLContext], None]:
    """Has a connection show the certificate for the name that is asked for; the first one, where none is."""

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name is None:
            return
        name = name.lower()
        found = by_name.get(name) or by_name.get("*." + name.partition(".")[2])
        if found is not None:
            connection.context = found

    return choose


def _configure(context: ssl.SSLContext, config: TlsConfig, material: Material) -> None:
    context.minimum_version = _VERSIONS[config.minimum]
    context.maximum_version = _VERSIONS[config.maximum]
    if config.ciphers:
        context.set_ciphers(config.ciphers)
    if config.curve:
        context.set_ecdh_curve(config.curve)
    if config.alpn:
        context.set_alpn_protocols(config.alpn)
    validation = config.validation
    if validation.trusted_ca is not None:
        use_authorities(context, material[validation.trusted_ca])
        if validation.crl is not None:
            use_revocations(context, material[validation.crl], only_leaf=validation.only_verify_leaf_cert_crl)
        elif context.cert_store_stats()["crl"]:  # among the authorities' certificates
            check_revocations(context, only_leaf=validation.only_verify_leaf_cert_crl)


def _show(context: ssl.SSLContext, certificate: CertificateConfig, material: Material) -> None:
    chain, key = material[certificate.chain], material[certificate.key]
    read_chain(chain)
    use_certificate(context, chain, key, None if certificate.password is None else material[certificate.password])

"""What the runtime reads of TLS."""

from __future__ import annotations

from metaprotocol_sdk.proxy.config.values import (
    CertificateConfig,
    DataSource,
    DownstreamTlsConfig,
    TlsVersion,
    UpstreamTlsConfig,
    ValidationConfig,
)


def test_every_source_is_listed() -> None:
    names = [DataSource(name) for name in "abcdef"]
    config = DownstreamTlsConfig(
        certificates=(CertificateConfig(*names[:3]), CertificateConfig(names[0], names[3])),
        validation=ValidationConfig(trusted_ca=names[4], crl=names[5]),
    )
    assert [each.filename for each in config.sources] == ["a", "b", "c", "a", "d", "e", "f"]


def test_keys_are_not_printed_and_defaults_are_envoys() -> None:
    assert "secret" not in repr(DataSource(data=b"secret"))
    assert DownstreamTlsConfig().maximum is TlsVersion.TLS_1_3
    assert UpstreamTlsConfig().maximum is TlsVersion.TLS_1_2

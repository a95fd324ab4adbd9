"""What Talos's config knows: the fields of the machine config, and the kinds beside it.

Types are written as in `_go_types`; None ends the checking: what stands below is taken as it is.
"""

from __future__ import annotations

from typing import Any

_TEXTS = ["string"]
_TEXT_MAP = {"*": "string"}
_ARGS = {"*": None}
_OPEN = {"*": None}


def _fields(
    texts: str = "",
    *,
    flags: str = "",
    lists: str = "",
    maps: str = "",
    open_: str = "",
    **others: Any,
) -> dict[str, Any]:
    """A struct: names of text, bool, lists of text, maps of text and of anything; then others."""
    return (
        dict.fromkeys(texts.split(), "string")
        | dict.fromkeys(flags.split(), "bool")
        | dict.fromkeys(lists.split(), _TEXTS)
        | dict.fromkeys(maps.split(), _TEXT_MAP)
        | dict.fromkeys(open_.split())
        | others
    )


_PAIR = _fields("crt key")
_VOLUMES = [_fields("hostPath mountPath name", flags="readonly")]


def _component(texts: str = "", **others: Any) -> dict[str, Any]:
    """A static pod of the control plane."""
    given = {"extraArgs": _ARGS, "extraVolumes": _VOLUMES, "env": _ARGS, "resources": _OPEN}
    return _fields(f"image {texts}", **(given | others))


_INTERFACE = _fields(
    "interface cidr",
    flags="dhcp ignore dummy",
    lists="addresses",
    open_="deviceSelector bond bridge bridgePort vlans dhcpOptions wireguard vip",
    routes=[_fields("network gateway source", metric="int", mtu="int")],
    mtu="int",
)
_MACHINE = _fields(
    "type token",
    lists="certSANs",
    maps="env sysctls sysfs nodeLabels nodeAnnotations nodeTaints",
    ca=_PAIR,
    acceptedCAs=[_PAIR],
    controlPlane=_fields(
        controllerManager=_fields(flags="disabled"), scheduler=_fields(flags="disabled")
    ),
    kubelet=_fields(
        "image",
        flags="defaultRuntimeSeccompProfileEnabled registerWithFQDN skipNodeRegistration"
        " disableManifestsDirectory",
        lists="clusterDNS",
        extraArgs=_ARGS,
        extraMounts=[_OPEN],
        extraConfig=_OPEN,
        credentialProviderConfig=_OPEN,
        nodeIP=_fields(lists="validSubnets"),
    ),
    pods=[_OPEN],
    network=_fields(
        "hostname",
        flags="disableSearchDomain",
        lists="nameservers searchDomains",
        interfaces=[_INTERFACE],
        extraHostEntries=[_fields("ip", lists="aliases")],
        kubespan=_OPEN,
    ),
    disks=[_fields("device", partitions=[_fields("size mountpoint")])],
    install=_fields(
        "disk image bootloader",
        flags="wipe legacyBIOSSupport grubUseUKICmdline",
        lists="extraKernelArgs",
        diskSelector=_OPEN,
        extensions=[_fields("image")],
    ),
    files=[_fields("content path op", permissions="int")],
    time=_fields("bootTimeout", flags="disabled", lists="servers"),
    registries=_fields(mirrors=_OPEN, config=_OPEN),
    systemDiskEncryption=_fields(state=_OPEN, ephemeral=_OPEN),
    features=_fields(
        "nodeAddressSortAlgorithm",
        flags="rbac stableHostname apidCheckExtKeyUsage diskQuotaSupport",
        kubernetesTalosAPIAccess=_fields(
            flags="enabled", lists="allowedRoles allowedKubernetesNamespaces"
        ),
        kubePrism=_fields(flags="enabled", port="int"),
        hostDNS=_fields(flags="enabled forwardKubeDNSToHost resolveMemberNames"),
        imageCache=_fields(flags="localEnabled"),
    ),
    udev=_fields(lists="rules"),
    logging=_fields(destinations=[_OPEN]),
    kernel=_fields(modules=[_fields("name", lists="parameters")]),
    seccompProfiles=[_fields("name", value=_OPEN)],
    baseRuntimeSpecOverrides=_OPEN,
)
_CLUSTER = _fields(
    "id secret clusterName token aescbcEncryptionSecret secretboxEncryptionSecret",
    flags="allowSchedulingOnMasters allowSchedulingOnControlPlanes",
    lists="extraManifests",
    maps="extraManifestHeaders",
    controlPlane=_fields("endpoint", localAPIServerPort="int"),
    network=_fields(
        "dnsDomain",
        lists="podSubnets serviceSubnets",
        cni=_fields("name", lists="urls", flannel=_OPEN),
    ),
    ca=_PAIR,
    acceptedCAs=[_PAIR],
    aggregatorCA=_PAIR,
    serviceAccount=_fields("key"),
    apiServer=_component(
        certSANs=_TEXTS,
        disablePodSecurityPolicy="bool",
        admissionControl=None,
        auditPolicy=_OPEN,
        authorizationConfig=None,
    ),
    controllerManager=_component(),
    proxy=_fields("image mode", flags="disabled", extraArgs=_ARGS),
    scheduler=_component(config=_OPEN),
    discovery=_fields(
        flags="enabled",
        registries=_fields(
            kubernetes=_fields(flags="disabled"), service=_fields("endpoint", flags="disabled")
        ),
    ),
    etcd=_fields(
        "image subnet", lists="advertisedSubnets listenSubnets", ca=_PAIR, extraArgs=_ARGS
    ),
    coreDNS=_fields("image", flags="disabled"),
    externalCloudProvider=_fields(flags="enabled", lists="manifests"),
    inlineManifests=[_fields("name contents")],
    adminKubeconfig=_fields("certLifetime"),
)
V1ALPHA1 = _fields("version", flags="debug persist", machine=_MACHINE, cluster=_CLUSTER)


FORBIDDEN_KINDS = frozenset(
    _fields(
        "UnattendedInstallConfig DiscoveryIdentityConfig KubeClusterConfig KubeEtcdEncryptionConfig"
        " KubeAPIServerCAConfig KubeAggregatorCAConfig"
    )
)
"""Kinds of Talos 1.14 that carry what Omni keeps to itself."""

_HEAD = _fields("apiVersion kind")
KINDS: dict[str, Any] = _fields(
    open_=" ".join(FORBIDDEN_KINDS)
    + " BlackholeRouteConfig BondConfig BridgeConfig CRICustomizationConfig DHCPv4Config"
    " DHCPv6Config DummyLinkConfig EthernetConfig ExistingVolumeConfig HCloudVIPConfig"
    " ImageCacheConfig ImageVerificationConfig KubeSpanConfig KubeSpanEndpointsConfig"
    " KubespanEndpoints Layer2VIPConfig LinkAliasConfig LinkConfig OOMConfig ProbeConfig"
    " RawVolumeConfig RegistryAuthConfig RegistryMirrorConfig RegistryTLSConfig ResolverConfig"
    " RoutingRuleConfig StaticHostConfig SwapVolumeConfig UdevRuleConfig UserVolumeConfig"
    " VLANConfig VolumeConfig WireguardConfig ZswapConfig"
) | {
    kind: _HEAD | fields
    for kind, fields in {
        "EnvironmentConfig": _fields(variables=_OPEN),
        "EventSinkConfig": _fields("endpoint"),
        "ExtensionServiceConfig": _fields(
            "name", lists="environment", configFiles=[_fields("content mountPath")]
        ),
        "HostnameConfig": _fields("auto hostname"),
        "KmsgLogConfig": _fields("name url"),
        "NetworkDefaultActionConfig": _fields("ingress"),
        "NetworkRuleConfig": _fields("name", portSelector=_OPEN, ingress=[_OPEN]),
        "PCIDriverRebindConfig": _fields("name targetDriver"),
        "SideroLinkConfig": _fields("apiUrl uniqueToken"),
        "TimeSyncConfig": _fields("bootTimeout", flags="enabled", ntp=_OPEN, ptp=_OPEN),
        "TrustedRootsConfig": _fields("name certificates"),
        "WatchdogTimerConfig": _fields("device timeout"),
    }.items()
}
"""The kinds of `apiVersion: v1alpha1`, with their fields where those are few and settled."""

"""What Talos's config knows: the sections of the machine config, and the kinds beside it.

None ends the checking: whatever stands below is taken as it is.
"""

from __future__ import annotations

from typing import Any


def _section(names: str, **inner: Any) -> dict[str, Any]:
    return dict.fromkeys(names.split()) | inner


_MACHINE = _section(
    "type token ca acceptedCAs certSANs controlPlane pods disks files env sysctls sysfs registries"
    " systemDiskEncryption udev logging kernel seccompProfiles baseRuntimeSpecOverrides nodeLabels"
    " nodeAnnotations nodeTaints",
    kubelet=_section(
        "image clusterDNS extraArgs extraMounts extraConfig credentialProviderConfig"
        " defaultRuntimeSeccompProfileEnabled registerWithFQDN nodeIP skipNodeRegistration"
        " disableManifestsDirectory"
    ),
    network=_section(
        "hostname interfaces nameservers searchDomains extraHostEntries kubespan"
        " disableSearchDomain"
    ),
    install=_section(
        "disk diskSelector extraKernelArgs image extensions wipe legacyBIOSSupport"
        " grubUseUKICmdline bootloader"
    ),
    time=_section("disabled servers bootTimeout"),
    features=_section(
        "rbac stableHostname kubernetesTalosAPIAccess apidCheckExtKeyUsage diskQuotaSupport"
        " kubePrism hostDNS imageCache nodeAddressSortAlgorithm"
    ),
)
_CLUSTER = _section(
    "id secret clusterName token aescbcEncryptionSecret secretboxEncryptionSecret ca acceptedCAs"
    " aggregatorCA serviceAccount apiServer controllerManager proxy scheduler discovery etcd"
    " coreDNS externalCloudProvider extraManifests extraManifestHeaders inlineManifests"
    " adminKubeconfig allowSchedulingOnMasters allowSchedulingOnControlPlanes",
    controlPlane=_section("endpoint localAPIServerPort"),
    network=_section("cni dnsDomain podSubnets serviceSubnets"),
)
V1ALPHA1 = _section("version debug persist", machine=_MACHINE, cluster=_CLUSTER)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


FORBIDDEN_KINDS = _names(
    "UnattendedInstallConfig DiscoveryIdentityConfig KubeClusterConfig KubeEtcdEncryptionConfig"
    " KubeAPIServerCAConfig KubeAggregatorCAConfig"
)
"""Kinds of Talos 1.14 that carry what Omni keeps to itself."""

KNOWN_KINDS = FORBIDDEN_KINDS | _names(
    "BlackholeRouteConfig BondConfig BridgeConfig CRICustomizationConfig DHCPv4Config DHCPv6Config"
    " DummyLinkConfig EnvironmentConfig EthernetConfig EventSinkConfig ExistingVolumeConfig"
    " ExtensionServiceConfig HCloudVIPConfig HostnameConfig ImageCacheConfig"
    " ImageVerificationConfig KmsgLogConfig KubeSpanConfig KubespanEndpoints Layer2VIPConfig"
    " LinkAliasConfig LinkConfig NetworkDefaultActionConfig NetworkRuleConfig OOMConfig"
    " PCIDriverRebindConfig ProbeConfig RawVolumeConfig RegistryAuthConfig RegistryMirrorConfig"
    " RegistryTLSConfig ResolverConfig RoutingRuleConfig SideroLinkConfig StaticHostConfig"
    " SwapVolumeConfig TimeSyncConfig TrustedRootsConfig UdevRuleConfig UserVolumeConfig"
    " VLANConfig VolumeConfig WatchdogTimerConfig WireguardConfig ZswapConfig"
)

/**
 * Certificate and key of the webhook sink: made for it, for `sink.example`, `localhost` and 127.0.0.1, worth nothing
 * elsewhere. A test that trusts it passes it as `ca`.
 */
export const SINK_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBsDCCAVWgAwIBAgIUMgbG2yEMayvfr+himMyBGA8Xm3MwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMd2ViaG9vayBzaW5rMCAXDTI2MTEyMTA3MTQxNFoYDzIxMjYx
MDI4MDcxNDE0WjAXMRUwEwYDVQQDDAx3ZWJob29rIHNpbmswWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAScT+uyO5NbUhCNVF11myBswuQ4yhymhFJ5cO/ij/qKjGgB
Ehmd+BZGIbo6SDl97WAK9NgkRS7AMxUcWsahDWxJo30wezAdBgNVHQ4EFgQUFmxK
Lk4KkekkVdeLG+D15cuww38wHwYDVR0jBBgwFoAUFmxKLk4KkekkVdeLG+D15cuw
w38wDwYDVR0TAQH/BAUwAwEB/zAoBgNVHREEITAfggxzaW5rLmV4YW1wbGWCCWxv
Y2FsaG9zdIcEfwAAATAKBggqhkjOPQQDAgNJADBGAiEA65bmHy3UmL6boSapWn+l
xlkz59NTYTtq/8nyuePDZEYCIQC0Y+U/hu+0CTQR8GmSVhp/D8iBQQuOllkGC+gK
n5lkrw==
-----END CERTIFICATE-----
`;

export const SINK_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnI/pgY8XDTtKBW7m
7gUWGMOy90KiSLENrLSQhoIwgP6hRANCAAScT+uyO5NbUhCNVF11myBswuQ4yhym
hFJ5cO/ij/qKjGgBEhmd+BZGIbo6SDl97WAK9NgkRS7AMxUcWsahDWxJ
-----END PRIVATE KEY-----
`;

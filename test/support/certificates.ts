/**
 * Certificates for tests, valid until 2124: a cluster's CA with a serving certificate (DNS:kubernetes, IP:10.0.0.1), an
 * administrator's and an expired administrator's, and a serving certificate of another CA. Rule: made for these tests
 * with openssl, used nowhere else, so their keys are no secrets.
 */

export interface Pair {
  cert: string;
  key: string;
}

export const CA = `-----BEGIN CERTIFICATE-----
MIIBkTCCATegAwIBAgIUZ0UZZppE75z9NM8zbF8QBer+360wCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAgFw0yNjExMjEwNTIwNDhaGA8yMTI2MTAy
ODA1MjA0OFowFTETMBEGA1UEAwwKa3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABDjMesFN4J97+3+HGYPep6Av5oh6IgB0SJA+vzgqLjT5gb1o+qDo
rMNllAYk+Dv4rwRrg5ME6e/awysxHUxoW+KjYzBhMB0GA1UdDgQWBBSs85Ppdh69
AoZl7Y/+kMUu6SZNDTAfBgNVHSMEGDAWgBSs85Ppdh69AoZl7Y/+kMUu6SZNDTAP
BgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIChDAKBggqhkjOPQQDAgNIADBF
AiEAqKP3iAnnYY/9+3jMneBNRFufgG/tby0rNF9ic9a0fPECICGigXh4OaTNk0tK
AqUDwzPV7UduSk3Symm1XR3ripOl
-----END CERTIFICATE-----
`;

export const SERVER: Pair = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBlDCCATqgAwIBAgICWlAwCgYIKoZIzj0EAwIwFTETMBEGA1UEAwwKa3ViZXJu
ZXRlczAgFw0yNDAxMDEwMDAwMDBaGA8yMTI0MDEwMTAwMDAwMFowGTEXMBUGA1UE
AwwOa3ViZS1hcGlzZXJ2ZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT5W1gB
Eqh+H21GLyMpfLGjOGZsTmmsJwTILUz3PPaqBpW/Tf9JVDL7CId/+OyrZIpOg9/P
lcmbnzF9nwWX3C8Lo3QwcjATBgNVHSUEDDAKBggrBgEFBQcDATAbBgNVHREEFDAS
ggprdWJlcm5ldGVzhwQKAAABMB0GA1UdDgQWBBT1UEpvR9dPV9QyvJvGvH4pEwnT
fzAfBgNVHSMEGDAWgBSs85Ppdh69AoZl7Y/+kMUu6SZNDTAKBggqhkjOPQQDAgNI
ADBFAiAs6qoc3Hem3oVHy7CkFjm2KevJLKiuLKwKMorJndKFZAIhAKuDOnAkpgZ0
D3rtHKB7bOllCMmyhkWqSUhwSOaxvyFr
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgS4gXdkYnD7B08NF1
R93u8AapmQp4ArZRUcGTOmFPWiOhRANCAAT5W1gBEqh+H21GLyMpfLGjOGZsTmms
JwTILUz3PPaqBpW/Tf9JVDL7CId/+OyrZIpOg9/PlcmbnzF9nwWX3C8L
-----END PRIVATE KEY-----
`,
};

export const ADMIN: Pair = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBszCCAVmgAwIBAgICQSkwCgYIKoZIzj0EAwIwFTETMBEGA1UEAwwKa3ViZXJu
ZXRlczAgFw0yNDAxMDEwMDAwMDBaGA8yMTI0MDEwMTAwMDAwMFowVTEZMBcGA1UE
AwwQa3ViZXJuZXRlcy1hZG1pbjEXMBUGA1UECgwOc3lzdGVtOm1hc3RlcnMxHzAd
BgNVBAoMFmt1YmVhZG06Y2x1c3Rlci1hZG1pbnMwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQXp3O12KK/3luJ1oWs4wZwnrFlO4ojfzzf2P8brBpgq/paR4kEf4QO
yL/4nT9Zkj5Ir+GXHm6AF0mBM0noMGoso1cwVTATBgNVHSUEDDAKBggrBgEFBQcD
AjAdBgNVHQ4EFgQUf3LJ3y6SKQn1IkdXcSnIUxC/B6gwHwYDVR0jBBgwFoAUrPOT
6XYevQKGZe2P/pDFLukmTQ0wCgYIKoZIzj0EAwIDSAAwRQIhAMrPcfX9MNdxh8hw
B9BtpcrBU5urB+PVsl44d7yJDEjPAiBm9mvGQQk7boWzrJZqxXj4LqF38sglhTqO
l5zQhxiCow==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgMDkv7Fnk7CKbpkRm
7PYoJkbu0OyXx1aKB5vYmFbdGH+hRANCAAQXp3O12KK/3luJ1oWs4wZwnrFlO4oj
fzzf2P8brBpgq/paR4kEf4QOyL/4nT9Zkj5Ir+GXHm6AF0mBM0noMGos
-----END PRIVATE KEY-----
`,
};

export const EXPIRED_ADMIN: Pair = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBjzCCATagAwIBAgICbq4wCgYIKoZIzj0EAwIwFTETMBEGA1UEAwwKa3ViZXJu
ZXRlczAeFw0yMzAxMDEwMDAwMDBaFw0yNDAxMDEwMDAwMDBaMDQxGTAXBgNVBAMM
EGt1YmVybmV0ZXMtYWRtaW4xFzAVBgNVBAoMDnN5c3RlbTptYXN0ZXJzMFkwEwYH
KoZIzj0CAQYIKoZIzj0DAQcDQgAEJU89jwwtF7SA/Zx3W7tNnuC8Lvz1K7juWyiy
i7+i5gb82g+sMZ6vlpvU14RTl4e8R97cgkqhL/eRlkLcGNL8qqNXMFUwEwYDVR0l
BAwwCgYIKwYBBQUHAwIwHQYDVR0OBBYEFI8f3K7WJ3Ul5ZyNL36x+kSfCGntMB8G
A1UdIwQYMBaAFKzzk+l2Hr0ChmXtj/6QxS7pJk0NMAoGCCqGSM49BAMCA0cAMEQC
IAO09aF0VCk1jYiSzqYWFgbgWzkr9j5Yp4N1Utd0djE2AiBuGIlnEtzWSOzGFIiT
c+KFC93/Y6gIYglokngt0VluDg==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg7FC16I9Y4AzIYevn
oGo4IAaGS/uvRRhg9u2AGF8nw5ahRANCAAQlTz2PDC0XtID9nHdbu02e4Lwu/PUr
uO5bKLKLv6LmBvzaD6wxnq+Wm9TXhFOXh7xH3tyCSqEv95GWQtwY0vyq
-----END PRIVATE KEY-----
`,
};

export const STRANGER: Pair = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBjjCCATSgAwIBAgICMNMwCgYIKoZIzj0EAwIwFTETMBEGA1UEAwwKa3ViZXJu
ZXRlczAgFw0yNDAxMDEwMDAwMDBaGA8yMTI0MDEwMTAwMDAwMFowGTEXMBUGA1UE
AwwOa3ViZS1hcGlzZXJ2ZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATYP44T
7wvfuG/izHj+GTclb+VZDVa71rvrSGwNxfuaI6V2cVyoMHYEkToHGtajua46VW3S
8tUXV7ylOWZc8uz7o24wbDATBgNVHSUEDDAKBggrBgEFBQcDATAVBgNVHREEDjAM
ggprdWJlcm5ldGVzMB0GA1UdDgQWBBQdkFOalQ/sQqwg/kW5QG0118JoITAfBgNV
HSMEGDAWgBQACpVAZLEDfit95E+h2wyGLk8V/TAKBggqhkjOPQQDAgNIADBFAiEA
3tpJZnU0WfiWtDvwXh/Zz1A1vc5sISRPkaSeF+KnIGoCIDBtuHIMyCEnDIdPX1Ok
y05VP7jFcHtUZw/MTqFzp8Fy
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgtk3KO7at2OarhYKq
EaYXU7ehPHp0kCfF3Pl5qBNKqguhRANCAATYP44T7wvfuG/izHj+GTclb+VZDVa7
1rvrSGwNxfuaI6V2cVyoMHYEkToHGtajua46VW3S8tUXV7ylOWZc8uz7
-----END PRIVATE KEY-----
`,
};

/** A kubeconfig as kubeadm writes it. */
export function kubeconfig({ ca = CA, pair = ADMIN, user = 'kubernetes-admin' } = {}): string {
  const data = (pem: string) => Buffer.from(pem).toString('base64');
  return `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${data(ca)}
    server: https://10.0.0.1:6443
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: ${user}
  name: ${user}@kubernetes
current-context: ${user}@kubernetes
kind: Config
preferences: {}
users:
- name: ${user}
  user:
    client-certificate-data: ${data(pair.cert)}
    client-key-data: ${data(pair.key)}
`;
}

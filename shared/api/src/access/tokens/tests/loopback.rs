//! An issuer on loopback, and tokens that are signed by ring itself.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What the issuer answers, and what it was asked.
#[derive(Default)]
pub(super) struct Served {
    pub(super) keys: Vec<Value>,
    /// What the document about it says instead.
    pub(super) discovery: Option<String>,
    pub(super) mode: Mode,
    pub(super) paths: Vec<String>,
}

#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum Mode {
    #[default]
    Answers,
    /// It closes every connection.
    HangsUp,
    /// It takes requests and says nothing.
    IsSilent,
    /// It has no document.
    IsEmpty,
}

/// An issuer that lives as long as the runtime of its test.
#[derive(Clone)]
pub(super) struct Issuer {
    pub(super) url: String,
    served: Arc<Mutex<Served>>,
}

impl Issuer {
    pub(super) async fn start(keys: Vec<Value>) -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/tenant/", listener.local_addr().expect("an address"));
        let served = Arc::new(Mutex::new(Served { keys, ..Served::default() }));
        let issuer = Issuer { url, served };
        let serving = issuer.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let issuer = serving.clone();
                tokio::spawn(async move {
                    let (mut request, mut bytes) = (vec![], [0; 1024]);
                    while !request.ends_with(b"\r\n\r\n") {
                        match stream.read(&mut bytes).await {
                            Ok(count @ 1..) => request.extend_from_slice(&bytes[..count]),
                            _ => return,
                        }
                    }
                    let request = String::from_utf8_lossy(&request).into_owned();
                    let path = request.split(' ').nth(1).unwrap_or_default().to_string();
                    let Some(answer) = issuer.answer(path) else { return };
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        issuer
    }

    /// The whole answer; an empty one is never sent.
    fn answer(&self, path: String) -> Option<String> {
        let mut served = self.served.lock().expect("no test panics");
        served.paths.push(path.clone());
        match served.mode {
            Mode::Answers => {}
            Mode::HangsUp => return None,
            Mode::IsSilent => return Some(String::new()),
            Mode::IsEmpty => {
                return Some("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}".to_string());
            }
        }
        let (url, keys) = (&self.url, &served.keys);
        let body = match path.as_str() {
            "/tenant/.well-known/openid-configuration" => match &served.discovery {
                Some(discovery) => discovery.clone(),
                None => json!({"issuer": url, "jwks_uri": format!("{url}keys?v=1")}).to_string(),
            },
            "/tenant/keys?v=1" => json!({"keys": keys}).to_string(),
            other => panic!("{other} was asked for"),
        };
        let length = body.len();
        Some(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"))
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Served)) {
        change(&mut self.served.lock().expect("no test panics"));
    }

    /// How many requests it has got.
    pub(super) fn requests(&self) -> usize {
        self.served.lock().expect("no test panics").paths.len()
    }
}

pub(super) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The keys of the tests.
pub(super) struct Pairs {
    pub(super) rsa: RsaKeyPair,
    pub(super) ec: EcdsaKeyPair,
    pub(super) ed: Ed25519KeyPair,
    random: SystemRandom,
}

impl Pairs {
    pub(super) fn new() -> Pairs {
        let random = SystemRandom::new();
        let ec_kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let ec = EcdsaKeyPair::generate_pkcs8(ec_kind, &random).expect("a key");
        Pairs {
            rsa: RsaKeyPair::from_der(include_bytes!("rsa.der")).expect("a key"),
            ec: EcdsaKeyPair::from_pkcs8(ec_kind, ec.as_ref(), &random).expect("a key"),
            ed: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed"),
            random,
        }
    }

    /// The public keys, as an issuer publishes them: `rsa`, `ec` and `ed`.
    pub(super) fn published(&self) -> Vec<Value> {
        let rsa = RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        let point = self.ec.public_key().as_ref();
        vec![
            json!({"kid": "rsa", "kty": "RSA", "use": "sig", "n": base64url(rsa.n),
                "e": base64url(rsa.e)}),
            json!({"kid": "ec", "kty": "EC", "crv": "P-256", "alg": "ES256",
                "x": base64url(&point[1..33]), "y": base64url(&point[33..])}),
            json!({"kid": "ed", "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
                "x": base64url(self.ed.public_key())}),
        ]
    }

    /// A token whose header has these two members.
    pub(super) fn token(&self, algorithm: &str, kid: &str, claims: &Value) -> String {
        self.signed(algorithm, &json!({"alg": algorithm, "typ": "JWT", "kid": kid}), claims)
    }

    /// A token with this header, which is signed by this algorithm whatever the header says.
    pub(super) fn signed(&self, algorithm: &str, header: &Value, claims: &Value) -> String {
        let message =
            format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        let bytes = message.as_bytes();
        let mut of_rsa = vec![0; self.rsa.public().modulus_len()];
        let signature = match algorithm {
            "RS256" | "PS256" => {
                let padding: &'static dyn ring::signature::RsaEncoding =
                    if algorithm == "RS256" { &RSA_PKCS1_SHA256 } else { &RSA_PSS_SHA256 };
                self.rsa.sign(padding, &self.random, bytes, &mut of_rsa).expect("it signs");
                of_rsa
            }
            "ES256" => self.ec.sign(&self.random, bytes).expect("it signs").as_ref().to_vec(),
            "EdDSA" => self.ed.sign(bytes).as_ref().to_vec(),
            // With the public key for a secret, as those who confuse the two verify it.
            "HS256" => {
                let secret = hmac::Key::new(hmac::HMAC_SHA256, self.ed.public_key().as_ref());
                hmac::sign(&secret, bytes).as_ref().to_vec()
            }
            _ => vec![],
        };
        format!("{message}.{}", base64url(signature))
    }
}

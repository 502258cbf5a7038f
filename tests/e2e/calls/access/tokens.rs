//! Tokens of an issuer on loopback, which the functions take beside keys.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Response;
use minutebook_runtime::clock::Clock;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::http::{HangUp, Server, full};
use minutebook_tests::store::{Store, sqs_event};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::calls::access::keys::{
    Functions, Kind, VIEW, WAYS, Way, add, body_of, status_of, store_with_keys,
};

crate::tests![tokens_work_beside_keys];

/// An issuer with one key.
struct Issuer {
    url: String,
    pair: Ed25519KeyPair,
    _server: Server,
}

impl Issuer {
    async fn start() -> Result<Issuer> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).ok().context("a seed")?;
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        let key = json!({"kid": "1", "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x});
        let server = Server::start(move |request| {
            let host = request.headers().get("host").and_then(|host| host.to_str().ok());
            let url = format!("http://{}", host.unwrap_or_default());
            let document = match request.uri().path() {
                "/.well-known/openid-configuration" => {
                    json!({"issuer": url, "jwks_uri": format!("{url}/keys")})
                }
                _ => json!({"keys": [key]}),
            };
            async move { Ok::<_, HangUp>(Response::new(full(document.to_string()))) }
        })
        .await?;
        Ok(Issuer { url: format!("http://{}", server.address), pair, _server: server })
    }

    /// A token for these sites that expires at this time, in seconds since 1970.
    fn token(&self, scope: &str, sites: &Value, exp: i64) -> String {
        let claims = json!({
            "iss": self.url, "aud": "minutebook", "exp": exp, "scope": scope,
            "minutebook_sites": sites,
        });
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "1"});
        let encoded = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let message = format!("{}.{}", encoded(header), encoded(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

async fn tokens_work_beside_keys(cloud: &Cloud) -> Result<()> {
    let issuer = Issuer::start().await?;
    let store = store_with_keys(cloud, "tokens").await?;
    let store = Store { jwt_issuer: issuer.url.clone(), ..store };
    let mut functions = Functions::start(&store).await?;
    let (key, _) = add(&store, &["shop.a", "--role", "read"]).await?;
    let later = Clock::system().now().timestamp() + 3_600;
    let (of_a, of_both) = (json!("shop.a"), json!(["shop.b", "shop.a"]));
    let read = issuer.token("minutebook:read", &of_a, later);
    let expired = issuer.token("minutebook:read", &of_a, later - 7_200);
    let several = issuer.token("minutebook:read", &of_both, later);
    let write = issuer.token("openid minutebook:write", &of_both, later);

    for (path, function, query) in [
        ("/items/7", "api", ""),
        ("/most_viewed_item", "most_viewed", ""),
        ("/history", "api", "&measure=views&granularity=hour"),
    ] {
        for (name, given, of_a, of_b, of_none) in [
            ("token", &read, 200, 403, 200),
            ("expired token", &expired, 401, 401, 401),
            ("token of two sites", &several, 200, 200, 403),
            ("token with another role", &write, 403, 403, 403),
            ("key", &key, 200, 403, 200),
        ] {
            for way in WAYS {
                let sites = [("site_id=shop.a", of_a), ("site_id=shop.b", of_b), ("", of_none)];
                for (site, expected) in sites {
                    let query = format!("{site}{query}");
                    let call = (path, query.trim_start_matches('&'), function, Kind::Question);
                    let answer = functions.call(call, (way, Some(given)), "").await?;
                    let status = status_of(&answer);
                    ensure!(status == expected, "{path}?{query} with the {name}: {answer}");
                    ensure!(!answer.to_string().contains(given.as_str()), "{answer}");
                }
            }
        }
    }

    // A post of the two sites, with a line of another one and a line of none.
    let other = VIEW.replace("shop.a", "shop.c");
    let without = VIEW.replace(r#","site_id":"shop.a""#, "");
    let of_b = VIEW.replace("shop.a", "shop.b");
    let body = format!("{VIEW}\n{other}\n{without}\n{of_b}\n");
    let call = ("/events", "", "collect", Kind::Post);
    for (given, expected) in [(&read, 403), (&expired, 401), (&key, 403)] {
        let answer = functions.call(call, (Way::Bearer, Some(given)), &body).await?;
        ensure!(status_of(&answer) == expected, "{answer}");
    }
    let answer = functions.call(call, (Way::Bearer, Some(&write)), &body).await?;
    let answer: Value = serde_json::from_str(body_of(&answer))?;
    let rejected = json!([
        {"line": 2, "reason": "invalid:site_id"}, {"line": 3, "reason": "missing:site_id"},
    ]);
    ensure!(answer["accepted"] == 2 && answer["rejected"] == rejected, "{answer}");
    let chunk = answer["chunk"].as_str().context("a chunk")?;
    let stored = store.clients.s3.get_object().bucket(&store.bucket).key(chunk).send().await?;
    let record = store.put("posted.jsonl", stored.body.collect().await?.to_vec()).await?;
    let mut ingest = store.start_plain_ingest().await?;
    ensure!(ingest.invoke(sqs_event(&[vec![record]])).await?.is_clean());
    for (site, views) in [("shop.a", 2), ("shop.b", 1)] {
        let query = format!("site_id={site}&as_of=2026-11-20T08:30:00Z");
        let call = ("/items/7", query.as_str(), "api", Kind::Question);
        let answer = functions.call(call, (Way::Header, Some(&several)), "").await?;
        let answer: Value = serde_json::from_str(body_of(&answer))?;
        ensure!(answer["views"] == views, "{site}: {answer}");
    }
    Ok(())
}

//! A store behind TLS whose certificate is signed by a private authority.

use super::Cloud;
use super::azure::Azurite;
use super::http::{Listening, listen};
use super::oss::OssServer;
use super::outage::store;
use super::s3::VersityGw;
use ray_history_storage::ErrorKind;
use ray_history_storage::config::StoreConfig;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Makes an authority: its certificate in PEM, and its issuer.
fn authority() -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(params, key))
}

/// TLS before a server that speaks plain HTTP.
async fn front(server: String, authority: &Issuer<'static, KeyPair>) -> Listening {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    listen(move |stream| pass(stream, acceptor.clone(), server.clone())).await
}

async fn pass(stream: TcpStream, acceptor: TlsAcceptor, server: String) {
    // A client that does not trust the certificate ends here.
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut server = TcpStream::connect(server).await.unwrap();
    let _ = copy_bidirectional(&mut stream, &mut server).await;
}

async fn is_trusted_when_its_authority_is(cloud: &impl Cloud) {
    cloud.put("tls/x", "bytes".into()).await.unwrap();
    let (pem, issuer) = authority();
    let front = front(cloud.address(), &issuer).await;
    let with = |trusted: Option<&str>| {
        let mut config = cloud.config(Some(&format!("127.0.0.1:{}", front.port)));
        let (endpoint, ca) = match &mut config {
            StoreConfig::S3(config) => (&mut config.endpoint, &mut config.ca),
            StoreConfig::Azure(config) => (&mut config.endpoint, &mut config.ca),
            StoreConfig::Oss(config) => (&mut config.endpoint, &mut config.ca),
            StoreConfig::Gcs(_) | StoreConfig::Local(_) | StoreConfig::Portable(_) => unreachable!(),
        };
        *endpoint = endpoint.as_ref().map(|endpoint| endpoint.replace("http://", "https://"));
        *ca = trusted.map(str::to_owned);
        config
    };
    // Several in one text, as a bundle has them.
    let (other, _) = authority();
    let bundle = format!("{other}{pem}");
    assert_eq!(store(&with(Some(&bundle))).await.read_all("tls/x", 10).await.unwrap(), "bytes");
    for untrusted in [None, Some(other.as_str())] {
        let error = store(&with(untrusted)).await.read_all("tls/x", 10).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed, "{error:?}");
        assert!(error.to_string().contains("caBundle"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3() {
    is_trusted_when_its_authority_is(&VersityGw::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure() {
    is_trusted_when_its_authority_is(&Azurite::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oss() {
    is_trusted_when_its_authority_is(&OssServer::start().await).await;
}

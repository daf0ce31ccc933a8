//! TLS on the way to an MQTT broker: whom a run trusts, and as whom its clients show themselves.
//!
//! **Invariant.** The broker's certificate is for the host that the run was told, by an authority that it trusts; also where
//! clients reach it through the run's own proxy, at another address.
//!
//! **Not modelled:** lists of revoked certificates, ALPN, TLS before 1.2.

use std::io::{Read, Write};
use std::net::TcpStream;

pub(super) use with::Connector;

/// Why there is no TLS in this build, and what to do about it.
pub fn beyond_this_build() -> Option<&'static str> {
    const LEFT_OUT: &str =
        "it needs TLS, and this build was made without it: build with `cargo build --features real-mqtt-tls`";
    (!cfg!(feature = "real-mqtt-tls")).then_some(LEFT_OUT)
}

/// A connection to a broker, secret or not.
pub(super) trait Wire: Read + Write + Send {
    /// What it goes over.
    fn tcp(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

#[cfg(feature = "real-mqtt-tls")]
mod with {
    use std::net::TcpStream;
    use std::path::Path;
    use std::sync::Arc;

    use rumqttc::{TlsConfiguration, Transport};
    use tokio_rustls::rustls::client::WebPkiServerVerifier;
    use tokio_rustls::rustls::client::danger::{
        HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
    };
    use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
    use tokio_rustls::rustls::{
        ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
        StreamOwned,
    };

    use super::super::super::Trouble;
    use super::super::config::Tls;
    use super::Wire;

    /// What makes connections secret.
    #[derive(Clone, Debug)]
    pub(in super::super) struct Connector {
        config: Arc<ClientConfig>,
        host: ServerName<'static>,
    }

    impl Connector {
        /// To this host, a name or an address.
        ///
        /// # Errors
        /// A file that cannot be read or holds something else, and an IPv6 address, which rumqttc does not take.
        pub fn new(tls: &Tls, host: &str) -> Result<Self, Trouble> {
            let named = || {
                Trouble::Usage(format!("mqtts:// needs a broker's name, or its IPv4 address: not `{host}`"))
            };
            let name = ServerName::try_from(host.to_owned()).map_err(|_| named())?;
            if host.contains(':') {
                return Err(named());
            }
            let provider = Arc::new(ring::default_provider());
            let verifier = Arc::new(Named { inner: verifier(tls, &provider)?, host: name.clone() });
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect("ring knows TLS 1.2 and 1.3")
                .dangerous()
                .with_custom_certificate_verifier(verifier);
            let config = match &tls.own {
                None => config.with_no_client_auth(),
                Some((certificate, key)) => {
                    let private = PrivateKeyDer::from_pem_file(key);
                    let private = private.map_err(|error| unreadable("key-file", key, &error))?;
                    let shown =
                        config.with_client_auth_cert(certificates("cert-file", certificate)?, private);
                    shown.map_err(|error| unreadable("key-file", key, &error))?
                }
            };
            Ok(Self { config: Arc::new(config), host: name })
        }

        /// For rumqttc.
        pub fn transport(&self) -> Transport {
            Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(&self.config)))
        }

        /// A connection that has been made secret.
        ///
        /// # Errors
        /// When it cannot be: no TLS is spoken there, or the broker is not to be trusted.
        pub fn wrap(&self, mut tcp: TcpStream) -> Result<Box<dyn Wire>, String> {
            let mut secret = ClientConnection::new(Arc::clone(&self.config), self.host.clone())
                .map_err(|error| error.to_string())?;
            secret.complete_io(&mut tcp).map_err(|error| error.to_string())?;
            Ok(Box::new(StreamOwned::new(secret, tcp)))
        }
    }

    impl Wire for StreamOwned<ClientConnection, TcpStream> {
        fn tcp(&self) -> &TcpStream {
            &self.sock
        }
    }

    fn unreadable(property: &str, file: &Path, error: &dyn std::fmt::Display) -> Trouble {
        Trouble::Usage(format!("{property}={}: {error}; it is a file in PEM", file.display()))
    }

    fn certificates(property: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, Trouble> {
        let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let read = read.map_err(|error| unreadable(property, file, &error))?;
        if read.is_empty() {
            return Err(unreadable(property, file, &"there is no certificate in it"));
        }
        Ok(read)
    }

    /// Who trusts the authorities of a file, or else of this machine.
    fn verifier(tls: &Tls, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, Trouble> {
        let mut roots = RootCertStore::empty();
        let nobody = || {
            Trouble::Usage("this machine trusts no authority: say --client-property ca-file=FILE".to_owned())
        };
        match &tls.authorities {
            Some(file) => {
                for authority in certificates("ca-file", file)? {
                    roots.add(authority).map_err(|error| unreadable("ca-file", file, &error))?;
                }
            }
            None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
        }
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .map_err(|_| nobody())
    }

    /// Whether a certificate is for this host, whatever address was called.
    #[derive(Debug)]
    struct Named {
        inner: Arc<WebPkiServerVerifier>,
        host: ServerName<'static>,
    }

    impl ServerCertVerifier for Named {
        fn verify_server_cert(
            &self,
            certificate: &CertificateDer<'_>,
            between: &[CertificateDer<'_>],
            _called: &ServerName<'_>,
            ocsp: &[u8],
            now: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            self.inner.verify_server_cert(certificate, between, &self.host, ocsp, now)
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.inner.verify_tls12_signature(message, certificate, signed)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.inner.verify_tls13_signature(message, certificate, signed)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.inner.supported_verify_schemes()
        }
    }
}

#[cfg(not(feature = "real-mqtt-tls"))]
mod with {
    use std::net::TcpStream;

    use rumqttc::Transport;

    use super::super::super::Trouble;
    use super::super::config::Tls;
    use super::Wire;

    /// There is none in this build.
    #[derive(Clone, Debug)]
    pub(in super::super) enum Connector {}

    impl Connector {
        /// Says what to build.
        pub fn new(_: &Tls, host: &str) -> Result<Self, Trouble> {
            let why = super::beyond_this_build().expect("it is this build");
            Err(Trouble::Usage(format!("mqtts://{host}: {why}")))
        }

        pub fn transport(&self) -> Transport {
            match *self {}
        }

        pub fn wrap(&self, _: TcpStream) -> Result<Box<dyn Wire>, String> {
            match *self {}
        }
    }
}

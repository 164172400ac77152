//! Certificates that tests make.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

/// An authority of clients, and the certificate of one with its key.
pub(crate) fn certify_client(folder: &Path) {
    let mut root = CertificateParams::new(Vec::new()).expect("parameters");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate().expect("a key");
    let authority = root.self_signed(&root_key).expect("an authority").pem();
    let mut leaf = CertificateParams::new(vec!["client.example".to_owned()]).expect("parameters");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().expect("a key");
    let certificate = leaf.signed_by(&key, &Issuer::new(root, root_key)).expect("a certificate").pem();
    for (name, text) in [("clients.pem", authority), ("client.pem", certificate), ("client.key", key.serialize_pem())] {
        fs::write(folder.join(name), text).expect("a file");
    }
}

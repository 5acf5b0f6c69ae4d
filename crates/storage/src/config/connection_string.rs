//! Azure's connection strings, as shown in its portal: `AccountName=…;AccountKey=…;…`.

use super::{AzureSecret, Secret};

/// Azurite's account, key and address, for `UseDevelopmentStorage=true`. They are public.
const EMULATOR: (&str, &str, &str) = (
    "devstoreaccount1",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    "http://127.0.0.1:10000/devstoreaccount1",
);

/// A parsed connection string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionString {
    /// The storage account's name.
    pub account: String,
    /// Base URL of the blob service.
    pub endpoint: String,
    /// The account's key or shared access signature.
    pub secret: AzureSecret,
}

/// The error for an invalid connection string. Its messages never quote the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    /// A part is not `name=value`.
    #[error("a connection string is made of NAME=VALUE parts, separated by `;`: copy it whole from the Azure portal")]
    Syntax,
    /// It has neither a key nor a signature.
    #[error(
        "the connection string has neither AccountKey nor SharedAccessSignature: copy it whole from the Azure portal"
    )]
    NoSecret,
    /// It has no account.
    #[error("the connection string has neither AccountName nor BlobEndpoint: copy it whole from the Azure portal")]
    NoAccount,
}

impl ConnectionString {
    /// Parses a connection string.
    pub fn parse(text: &str) -> Result<Self, ConnectionStringError> {
        let (mut account, mut key, mut sas, mut endpoint, mut protocol, mut suffix) =
            (None, None, None, None, None, None);
        let mut emulator = false;
        for part in text.trim().split(';').map(str::trim).filter(|part| !part.is_empty()) {
            // Only the first `=` separates: keys and signatures contain more.
            let (name, value) = part.split_once('=').ok_or(ConnectionStringError::Syntax)?;
            match name.trim().to_ascii_lowercase().as_str() {
                "accountname" => account = Some(value.to_owned()),
                "accountkey" => key = Some(value),
                "sharedaccesssignature" => sas = Some(value),
                "blobendpoint" => endpoint = Some(value.trim_end_matches('/').to_owned()),
                "defaultendpointsprotocol" => protocol = Some(value),
                "endpointsuffix" => suffix = Some(value),
                "usedevelopmentstorage" => emulator = value.eq_ignore_ascii_case("true"),
                _ => {} // Queues, tables, proxies: not used.
            }
        }
        if emulator {
            account.get_or_insert_with(|| EMULATOR.0.to_owned());
            endpoint.get_or_insert_with(|| EMULATOR.2.to_owned());
            key.get_or_insert(EMULATOR.1);
        }
        let secret = match (key, sas) {
            (Some(key), _) => AzureSecret::AccountKey(Secret::new(key)),
            (None, Some(sas)) => AzureSecret::Sas(Secret::new(sas)),
            (None, None) => return Err(ConnectionStringError::NoSecret),
        };
        // A string with a signature often has only the endpoint.
        let account = account.or_else(|| Some(host_label(endpoint.as_deref()?)?.to_owned()));
        let account = account.ok_or(ConnectionStringError::NoAccount)?;
        let endpoint = endpoint.unwrap_or_else(|| {
            let (protocol, suffix) = (protocol.unwrap_or("https"), suffix.unwrap_or("core.windows.net"));
            format!("{protocol}://{account}.blob.{suffix}")
        });
        Ok(Self { account, endpoint, secret })
    }
}

/// Returns the first label of a URL's host, which is the account in Azure.
fn host_label(url: &str) -> Option<&str> {
    url.split_once("://")?.1.split(['.', '/', ':']).next().filter(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_connection_strings() {
        let read = |text: &str| ConnectionString::parse(text).map(|read| (read.account, read.endpoint, read.secret));
        let key = |text: &str| AzureSecret::AccountKey(Secret::new(text));
        assert_eq!(
            read(
                "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=a+b/c==;EndpointSuffix=core.chinacloudapi.cn"
            ),
            Ok(("acc".into(), "https://acc.blob.core.chinacloudapi.cn".into(), key("a+b/c==")))
        );
        assert_eq!(
            read("BlobEndpoint=https://acc.blob.core.windows.net/;SharedAccessSignature=sv=2024&sig=x%3D\n"),
            Ok((
                "acc".into(),
                "https://acc.blob.core.windows.net".into(),
                AzureSecret::Sas(Secret::new("sv=2024&sig=x%3D"))
            ))
        );
        let emulator = read("UseDevelopmentStorage=true").unwrap();
        assert_eq!((emulator.0.as_str(), emulator.2), ("devstoreaccount1", key(EMULATOR.1)));
        assert_eq!(read("AccountName=acc"), Err(ConnectionStringError::NoSecret));
        assert_eq!(read("AccountKey=x"), Err(ConnectionStringError::NoAccount));
        assert_eq!(read("hunter2"), Err(ConnectionStringError::Syntax));
    }
}

//! Mail, handed to a server by SMTP.

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use crate::limits::MAIL_TIME;
use crate::outbox::Attempt;

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// It begins in clear and must become TLS.
    StartTls,
    /// It is TLS from the beginning.
    Tls,
    /// It is not: for a server on this machine.
    None,
}

/// Where mail is handed in.
#[derive(Clone)]
pub struct MailConfig {
    /// The server's name or address.
    pub host: String,
    /// Its port; 587, 465 or 25 if absent, as the protection goes.
    pub port: Option<u16>,
    /// User and password, if it asks for them.
    pub credentials: Option<(String, String)>,
    /// The sender: `name@host`, or `Name <name@host>`.
    pub from: String,
    /// How the connection is protected.
    pub tls: MailTls,
}

impl std::fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailConfig").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// A mail.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The name that is shown of the sender, in place of the configured one.
    pub from_name: Option<String>,
    /// The recipient.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// What tells it from every other, however often it is sent: the part of its Message-ID before the `@`.
    pub id: String,
    /// Where one click ends the mails, if it does.
    pub unsubscribe_url: Option<String>,
}

/// What is wrong with the configuration of mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The sender is no address.
    #[error("{0:?} is not a mail address: {1}")]
    From(String, String),
    /// The server cannot be reached as it says.
    #[error("{0}")]
    Server(String),
}

/// Hands mail to a server.
#[derive(Debug, Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// A mailer; it connects with each mail.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration.
    pub fn new(config: &MailConfig) -> Result<Mailer, MailError> {
        let from = config.from.parse().map_err(|error| MailError::From(config.from.clone(), format!("{error}")))?;
        let parameters =
            || TlsParameters::new(config.host.clone()).map_err(|error| MailError::Server(error.to_string()));
        let (tls, port) = match config.tls {
            MailTls::StartTls => (Tls::Required(parameters()?), 587),
            MailTls::Tls => (Tls::Wrapper(parameters()?), 465),
            MailTls::None => (Tls::None, 25),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port.unwrap_or(port))
            .tls(tls)
            .timeout(Some(MAIL_TIME));
        if let Some((user, password)) = &config.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(Mailer { transport: builder.build(), from })
    }

    /// Whether a text is a mail address.
    pub fn is_address(text: &str) -> bool {
        text.parse::<Address>().is_ok()
    }

    /// Tries once to hand a mail to the server.
    pub async fn send(&self, mail: &Mail) -> Attempt {
        let message = match self.message(mail) {
            Ok(message) => message,
            Err(reason) => return Attempt::Refused(reason),
        };
        match self.transport.send(message).await {
            Ok(_) => Attempt::Delivered,
            Err(error) if error.is_permanent() => Attempt::Refused(error.to_string()),
            Err(error) => Attempt::Later(error.to_string()),
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, String> {
        let to: Address = mail.to.parse().map_err(|error| format!("{:?} is not a mail address: {error}", mail.to))?;
        let from = Mailbox::new(mail.from_name.clone().or(self.from.name.clone()), self.from.email.clone());
        let mut builder: MessageBuilder = Message::builder()
            .from(from)
            .to(Mailbox::new(None, to))
            .subject(mail.subject.clone())
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN);
        if let Some(url) = &mail.unsubscribe_url {
            builder = builder.header(ListUnsubscribe(format!("<{url}>")));
        }
        builder.body(mail.text.clone()).map_err(|error| error.to_string())
    }
}

/// The header `List-Unsubscribe`.
#[derive(Debug, Clone)]
struct ListUnsubscribe(String);

impl lettre::message::header::Header for ListUnsubscribe {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("List-Unsubscribe")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(ListUnsubscribe(text.to_owned()))
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(from: &str) -> MailConfig {
        MailConfig {
            host: "127.0.0.1".into(),
            port: Some(1),
            credentials: Some(("user".into(), "s3cret".into())),
            from: from.into(),
            tls: MailTls::None,
        }
    }

    #[test]
    fn a_mail_says_who_and_how_to_end_it() {
        let mailer = Mailer::new(&config("Watchkeep <no-reply@example.com>")).unwrap();
        let mail = Mail {
            from_name: Some("Ops team".into()),
            to: "alice@example.com".into(),
            subject: "ALARM: \"größe\"".into(),
            text: "Line one\nLine two".into(),
            id: "1-2".into(),
            unsubscribe_url: Some("https://watchkeep.example/?Action=Unsubscribe".into()),
        };
        let text = String::from_utf8(mailer.message(&mail).unwrap().formatted()).unwrap();
        for expected in [
            "From: \"Ops team\" <no-reply@example.com>\r\n",
            "To: alice@example.com\r\n",
            "Message-ID: <1-2@example.com>\r\n",
            "List-Unsubscribe: <https://watchkeep.example/?Action=Unsubscribe>\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "Line one\r\nLine two",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        assert!(mailer.message(&Mail { to: "nobody".into(), ..mail }).is_err());
    }

    #[test]
    fn a_sender_is_an_address() {
        let error = Mailer::new(&config("nobody")).unwrap_err().to_string();
        assert!(error.starts_with("\"nobody\" is not a mail address"), "{error}");
        assert!(!format!("{:?}", config("a@b")).contains("s3cret"));
        assert!(Mailer::is_address("a@example.com") && !Mailer::is_address("a"));
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_may_be_later() {
        let mail = Mail {
            from_name: None,
            to: "a@example.com".into(),
            subject: "s".into(),
            text: "t".into(),
            id: "1".into(),
            unsubscribe_url: None,
        };
        let attempt = Mailer::new(&config("w@example.com")).unwrap().send(&mail).await;
        assert!(matches!(attempt, Attempt::Later(_)), "{attempt:?}");
    }
}

use super::harness::{Sent, Setup};
use crate::AuthMode;

#[tokio::test]
async fn anybody_may_read_documents_and_nothing_else() {
    let server = Setup::new(AuthMode::Enforced).start().await;
    let answer = server.send(&Sent::new("GET", "/documents/one", "")).await;
    assert_eq!(
        (answer.status, answer.header("content-type"), &answer.body[..]),
        (200, "text/plain", &b"to be read"[..])
    );
    assert_eq!(server.send(&Sent::new("GET", "/documents/two", "")).await.status, 404);
    assert_ne!(server.send(&Sent::new("POST", "/documents/one", "")).await.status, 200);
    assert!(server.audit.take().is_empty(), "reading a document is no call");
}

//! Taps hear of what is accepted, once, and what they keep is stored with the events or not at all.

use std::sync::Mutex;

use watchkeep_model::logs::CreateLogGroupRequest;
use watchkeep_store::{Append, Column, ColumnKind, Rows, Table};

use super::*;
use crate::{Incoming, Stored, Tap};

/// A table that the store does not have: appending to it fails.
static ABSENT: Table = Table {
    name: "absent",
    id: 99,
    columns: &[Column::new("time", ColumnKind::I64)],
    time: 0,
    sort: &[0],
    retention_key: &[],
    text: None,
    bloom: &[],
    window_ms: 1000,
    labels: &[],
};

#[derive(Default)]
struct Notes {
    heard: Mutex<Vec<String>>,
    stored: Arc<Mutex<usize>>,
    fails: bool,
}

impl Tap for Notes {
    fn tap(&self, incoming: &Incoming<'_>, append: &mut Append) -> Option<Stored> {
        let messages: Vec<&str> = incoming.events.iter().map(|event| event.message.as_str()).collect();
        let Incoming { account, region, log_group, class, received, .. } = incoming;
        let note = format!("{account} {region} {log_group} {class:?} {} {messages:?}", received.0 - NOW);
        self.heard.lock().unwrap().push(note);
        if self.fails {
            let mut rows = Rows::new(&ABSENT);
            rows.i64(0);
            rows.end_row();
            append.push(rows);
        }
        let stored = self.stored.clone();
        Some(Box::new(move || *stored.lock().unwrap() += 1))
    }
}

#[tokio::test]
async fn taps_hear_of_accepted_events_and_are_told_when_they_are_stored() {
    let fixture = Fixture::new().await;
    let notes = [Arc::new(Notes::default()), Arc::new(Notes::default())];
    fixture.logs.set_taps(notes.iter().map(|notes| notes.clone() as Arc<dyn Tap>).collect());
    fixture.group("web").await;
    fixture.stream("web", "s").await;
    fixture.put("web", "s", &[(-30 * 24 * 3_600_000, "too old"), (-5, "a"), (0, "b")]).await;
    fixture.put("web", "s", &[(-30 * 24 * 3_600_000, "too old")]).await;
    assert!(fixture.try_put("web", "absent", &[(0, "c")]).await.is_err());
    for notes in notes {
        assert_eq!(*notes.heard.lock().unwrap(), ["000000000000 us-east-1 web Standard 0 [\"a\", \"b\"]"]);
        assert_eq!(*notes.stored.lock().unwrap(), 1);
    }
}

#[tokio::test]
async fn taps_hear_of_groups_of_every_class_and_which_it_is() {
    let fixture = Fixture::new().await;
    let notes = Arc::new(Notes::default());
    fixture.logs.set_taps(vec![notes.clone()]);
    let input = CreateLogGroupRequest {
        log_group_name: "rare".into(),
        log_group_class: Some("INFREQUENT_ACCESS".into()),
        ..Default::default()
    };
    crate::log_groups::create_log_group(&fixture.logs, &fixture.caller, input).await.unwrap();
    fixture.stream("rare", "s").await;
    fixture.put("rare", "s", &[(0, "a")]).await;
    assert_eq!(*notes.heard.lock().unwrap(), ["000000000000 us-east-1 rare InfrequentAccess 0 [\"a\"]"]);
}

#[tokio::test]
async fn what_a_tap_keeps_and_the_events_are_stored_together_or_not_at_all() {
    let fixture = Fixture::new().await;
    let notes = Arc::new(Notes { fails: true, ..Notes::default() });
    fixture.logs.set_taps(vec![notes.clone()]);
    fixture.group("web").await;
    fixture.stream("web", "s").await;
    assert!(fixture.try_put("web", "s", &[(0, "a")]).await.is_err());
    assert_eq!((notes.heard.lock().unwrap().len(), *notes.stored.lock().unwrap()), (1, 0));
    let input =
        GetLogEventsRequest { log_group_name: Some("web".into()), log_stream_name: "s".into(), ..Default::default() };
    let found = crate::get_log_events::get_log_events(&fixture.logs, &fixture.caller, input).await.unwrap();
    assert_eq!(found.events.unwrap().len(), 0);
}

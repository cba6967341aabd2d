//! What a catalog is to a cluster: its members, and the node that one of them opens after the other.

use std::time::Duration;

use watchkeep_store::{Catalog, CatalogError, Membership, NodeHome, NodeName};

use super::{Alarm, Place, account, alarm, key, region};

pub async fn one_member_works_at_a_time(place: Place) {
    let join = async |address: &str, run| {
        Membership::join(&place.url, address.to_owned(), run, place.clock.clone()).await.unwrap()
    };
    let (one, two) = (join("one:1", 1).await, join("two:1", 2).await);
    let (long, short) = (Duration::from_secs(600), Duration::from_millis(50));
    assert_eq!(one.beat(false, long).await.unwrap().works, None);
    assert!(one.beat(true, long).await.unwrap().is_ours);
    let standing = two.beat(true, long).await.unwrap();
    assert_eq!((standing.works.as_deref(), standing.is_ours), (Some("one:1"), false));
    let members: Vec<&str> = standing.members.iter().map(|member| member.address.as_str()).collect();
    assert_eq!(members, ["one:1", "two:1"]);
    // The same address, but another run: the one before may still be at work, and both learn of that.
    let again = join("one:1", 3).await.beat(true, long).await.unwrap();
    assert!(!again.is_ours && !again.is_doubled);
    let renewed = one.beat(true, short).await.unwrap();
    assert!(renewed.is_ours && renewed.is_doubled && !one.beat(true, short).await.unwrap().is_doubled);
    // It was silent for too long: another works, and it learns of that.
    place.wait().await;
    assert!(two.beat(true, long).await.unwrap().is_ours);
    assert_eq!(one.beat(true, long).await.unwrap().works.as_deref(), Some("two:1"));
    two.leave().await.unwrap();
    assert!(one.beat(true, long).await.unwrap().is_ours);
    assert_eq!(one.proof("first").await.unwrap(), "first");
    assert_eq!(one.proof("second").await.unwrap(), "first");
}

pub async fn whoever_opens_a_clusters_node_changes_its_resources(place: Place) {
    let open = async || {
        let home = Some(NodeHome::catalog());
        Catalog::open_from(&place.url, NodeName::default(), home, place.clock.clone()).await.unwrap()
    };
    let one = open().await;
    let before = one.collection::<Alarm>().await.unwrap();
    let created = before.create(key("cpu"), alarm(1)).await.unwrap();
    let two = open().await;
    let after = two.collection::<Alarm>().await.unwrap();
    let fenced = |e: CatalogError| matches!(e, CatalogError::Fenced { .. });
    assert!(before.update(&created, alarm(2)).await.is_err_and(fenced));
    assert!(before.create(key("disk"), alarm(2)).await.is_err_and(fenced));
    assert!(before.delete(&key("cpu")).await.is_err_and(fenced));
    assert!(before.delete_prefix(&account(), Some(&region("eu-central-1")), "c").await.is_err_and(fenced));
    after.update(&created, alarm(3)).await.unwrap();
    assert_eq!((after.len(), after.get(&key("cpu")).unwrap().number), (1, 3));
}

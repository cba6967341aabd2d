//! The host's figures: what is read from the kernel's files, and when it is sent.

mod support;

use std::collections::BTreeMap;

use support::{Host, START, refused, unavailable};
use watchkeep_model::cloudwatch::MetricDatum;

/// `name dimension=value ...` and the value with its unit, of each datum.
fn shown(datums: &[MetricDatum]) -> BTreeMap<String, String> {
    let one = |datum: &MetricDatum| {
        let dimensions = datum.dimensions.iter().flatten();
        let series = dimensions.fold(datum.metric_name.clone(), |text, dimension| {
            format!("{text} {}={}", dimension.name, dimension.value)
        });
        (series, format!("{:.3} {}", datum.value.unwrap(), datum.unit.as_ref().unwrap()))
    };
    datums.iter().map(one).collect()
}

#[tokio::test]
async fn figures_are_those_of_the_cloudwatch_agent() {
    let mut host = Host::new(&[]);
    host.reading("first");
    host.start().await;
    host.reading("second");
    host.pass(1).await;
    host.stop().await;
    let service = host.service();
    let (first, second) = (shown(&service.metrics[0]), shown(&service.metrics[1]));

    let at_once = [
        ("mem_total host=web-1", "3916173312.000 Bytes"),
        ("mem_used host=web-1", "1419075584.000 Bytes"),
        ("mem_free host=web-1", "473808896.000 Bytes"),
        ("mem_available host=web-1", "2209103872.000 Bytes"),
        ("mem_buffered host=web-1", "129298432.000 Bytes"),
        ("mem_cached host=web-1", "1893990400.000 Bytes"),
        ("mem_active host=web-1", "1536000000.000 Bytes"),
        ("mem_inactive host=web-1", "1024000000.000 Bytes"),
        ("mem_shared host=web-1", "9068544.000 Bytes"),
        ("mem_used_percent host=web-1", "36.236 Percent"),
        ("mem_available_percent host=web-1", "56.410 Percent"),
        ("swap_used host=web-1", "256000000.000 Bytes"),
        ("swap_free host=web-1", "768000000.000 Bytes"),
        ("swap_used_percent host=web-1", "25.000 Percent"),
        ("disk_total host=web-1 path=/ device=vda1 fstype=ext4", "107374182400.000 Bytes"),
        ("disk_used host=web-1 path=/ device=vda1 fstype=ext4", "64424509440.000 Bytes"),
        ("disk_free host=web-1 path=/ device=vda1 fstype=ext4", "37580963840.000 Bytes"),
        ("disk_used_percent host=web-1 path=/ device=vda1 fstype=ext4", "63.158 Percent"),
        ("disk_inodes_total host=web-1 path=/ device=vda1 fstype=ext4", "1000.000 Count"),
        ("disk_inodes_used host=web-1 path=/ device=vda1 fstype=ext4", "100.000 Count"),
        ("disk_inodes_free host=web-1 path=/ device=vda1 fstype=ext4", "900.000 Count"),
        ("disk_total host=web-1 path=/mnt/my data device=sdb1 fstype=xfs", "10737418240.000 Bytes"),
        ("disk_used host=web-1 path=/mnt/my data device=sdb1 fstype=xfs", "0.000 Bytes"),
        ("disk_free host=web-1 path=/mnt/my data device=sdb1 fstype=xfs", "10737418240.000 Bytes"),
        ("disk_used_percent host=web-1 path=/mnt/my data device=sdb1 fstype=xfs", "0.000 Percent"),
        ("disk_inodes_total host=web-1 path=/mnt/my data device=sdb1 fstype=xfs", "10.000 Count"),
        ("disk_inodes_used host=web-1 path=/mnt/my data device=sdb1 fstype=xfs", "0.000 Count"),
        ("disk_inodes_free host=web-1 path=/mnt/my data device=sdb1 fstype=xfs", "10.000 Count"),
        ("system_load1 host=web-1", "0.100 None"),
        ("system_load5 host=web-1", "1.350 None"),
        ("system_load15 host=web-1", "12.960 None"),
    ];
    // Of 200 ticks: user 50 of which 10 are a guest's, nice 10 of which 5 are; vda1's and tun0's counters went back.
    let with_two_readings = [
        ("cpu_usage_active host=web-1 cpu=cpu-total", "50.000 Percent"),
        ("cpu_usage_user host=web-1 cpu=cpu-total", "20.000 Percent"),
        ("cpu_usage_nice host=web-1 cpu=cpu-total", "2.500 Percent"),
        ("cpu_usage_system host=web-1 cpu=cpu-total", "10.000 Percent"),
        ("cpu_usage_idle host=web-1 cpu=cpu-total", "50.000 Percent"),
        ("cpu_usage_iowait host=web-1 cpu=cpu-total", "5.000 Percent"),
        ("cpu_usage_irq host=web-1 cpu=cpu-total", "0.000 Percent"),
        ("cpu_usage_softirq host=web-1 cpu=cpu-total", "2.500 Percent"),
        ("cpu_usage_steal host=web-1 cpu=cpu-total", "2.500 Percent"),
        ("cpu_usage_guest host=web-1 cpu=cpu-total", "5.000 Percent"),
        ("cpu_usage_guest_nice host=web-1 cpu=cpu-total", "2.500 Percent"),
        ("diskio_reads host=web-1 name=vda", "10.000 Count"),
        ("diskio_writes host=web-1 name=vda", "3.000 Count"),
        ("diskio_read_bytes host=web-1 name=vda", "4096.000 Bytes"),
        ("diskio_write_bytes host=web-1 name=vda", "51200.000 Bytes"),
        ("diskio_read_time host=web-1 name=vda", "5.000 Milliseconds"),
        ("diskio_write_time host=web-1 name=vda", "7.000 Milliseconds"),
        ("diskio_io_time host=web-1 name=vda", "12.000 Milliseconds"),
        ("diskio_iops_in_progress host=web-1 name=vda", "2.000 Count"),
        ("net_bytes_sent host=web-1 interface=eth0", "300.000 Bytes"),
        ("net_bytes_recv host=web-1 interface=eth0", "2000.000 Bytes"),
        ("net_packets_sent host=web-1 interface=eth0", "4.000 Count"),
        ("net_packets_recv host=web-1 interface=eth0", "15.000 Count"),
        ("net_err_in host=web-1 interface=eth0", "0.000 Count"),
        ("net_err_out host=web-1 interface=eth0", "1.000 Count"),
        ("net_drop_in host=web-1 interface=eth0", "1.000 Count"),
        ("net_drop_out host=web-1 interface=eth0", "0.000 Count"),
    ];
    let expected = |figures: &[(&str, &str)]| -> BTreeMap<String, String> {
        figures.iter().map(|(series, value)| ((*series).to_owned(), (*value).to_owned())).collect()
    };
    assert_eq!(first, expected(&at_once));
    assert_eq!(second, expected(&[&at_once[..], &with_two_readings[..]].concat()));
    assert!(
        service.metrics[1]
            .iter()
            .all(|datum| datum.timestamp.unwrap().0 == START.0 + 1_000 && datum.storage_resolution == Some(1))
    );
}

#[tokio::test]
async fn they_are_sent_at_once_after_a_second_and_then_every_interval() {
    let mut host = Host::new(&[]);
    host.reading("first");
    host.start().await;
    host.pass(35).await;
    let times: Vec<i64> =
        host.service().metrics.iter().map(|datums| datums[0].timestamp.unwrap().0 - START.0).collect();
    assert_eq!(times, [0, 1_000, 11_000, 21_000, 31_000]);
    host.stop().await;
}

#[tokio::test]
async fn an_outage_loses_only_the_oldest() {
    let mut host = Host::new(&[]);
    host.reading("first");
    host.service().outage = Some(unavailable());
    host.start().await;
    host.pass(6 * 3600 / 10).await;
    let per_reading = 31;
    assert_eq!(host.service().calls.len(), 1 + 2160 / 10);
    assert!(host.service().metrics.is_empty());

    host.service().outage = None;
    host.pass(10).await;
    let service = host.service();
    let sent: Vec<&MetricDatum> = service.metrics.iter().flatten().collect();
    assert!(
        sent.len() <= 10_000 + per_reading
            && service.metrics[..service.metrics.len() - 1].iter().all(|call| call.len() == 1000)
    );
    let times: Vec<i64> = sent.iter().map(|datum| datum.timestamp.unwrap().0).collect();
    assert!(times.is_sorted() && times[0] >= START.0 && times.last().unwrap() - START.0 == 2_161_000, "{times:?}");
}

#[tokio::test]
async fn what_is_refused_is_given_up() {
    let mut host = Host::new(&[]);
    host.reading("first");
    host.service().outage = Some(refused("InvalidParameterValueException"));
    host.start().await;
    host.service().outage = None;
    host.pass(1).await;
    assert!(host.service().metrics.iter().flatten().all(|datum| datum.timestamp.unwrap().0 == START.0 + 1_000));
    host.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_does_not_keep_the_rest_back() {
    let mut host = Host::new(&[]);
    host.reading("first");
    std::fs::write(host.log("../proc/meminfo"), "nonsense").unwrap();
    std::fs::remove_file(host.log("../proc/diskstats")).unwrap();
    host.start().await;
    let names = shown(&host.service().metrics[0]);
    assert!(
        names.keys().any(|name| name.starts_with("disk_used")) && !names.keys().any(|name| name.starts_with("mem_"))
    );
    host.stop().await;
}

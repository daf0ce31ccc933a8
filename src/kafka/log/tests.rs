//! Rows of oracle sheets 03b and 04 by their names, then what the sheets do not say.

use super::testing::{ONE, append, append_at, batch, contents, log_with, topic};
use super::*;
use crate::kernel::Rng;
use crate::trace::{Record, RecordId};
use crate::wire::kafka::Producer;

fn secs(secs: u64) -> Time {
    Time::from_secs(secs)
}

/// Segments of five records.
fn of_fives(change: impl FnOnce(&mut TopicConfig)) -> Log {
    let mut log = log_with(|config| {
        config.segment_bytes = u64::from(5 * ONE);
        change(config);
    });
    append(&mut log, 0, 15);
    log
}

fn stamp(epoch: u16, sequence: u32) -> Option<Stamp> {
    Some(Stamp::new(Producer { id: 1, epoch }, sequence))
}

#[test]
fn test_high_watermark_maintenance() {
    let mut log = log_with(|_| {});
    append(&mut log, 0, 3);
    assert_eq!(log.high_watermark(), 0);
    assert_eq!(log.raise_high_watermark(1), Some(1));
    assert_eq!(log.set_high_watermark(5), Some(3));
    let mut leader = log.clone();
    append(&mut leader, 0, 3);
    leader.read(3, 6, u32::MAX).unwrap().for_each(|chunk| log.append_chunk(Time::ZERO, chunk));
    assert_eq!((log.set_high_watermark(6), log.end()), (Some(6), 6));
    assert_eq!(log.truncate_to(3), Some((3, 6)));
    assert_eq!(log.high_watermark(), 3);
    append(&mut log, 0, 3);
    assert_eq!((log.high_watermark(), log.end()), (3, 6));
    log.truncate_fully_and_start_at(4);
    assert_eq!((log.start(), log.high_watermark(), log.end()), (4, 4, 4));
}

#[test]
fn test_maybe_update_high_watermark_as_follower() {
    let mut log = log_with(|_| {});
    append(&mut log, 0, 100);
    let told = [99, 99, 100, 101].map(|to| log.set_high_watermark(to));
    assert_eq!(told, [Some(99), None, Some(100), None]);
}

#[test]
fn test_fetch_up_to_high_watermark() {
    let mut log = log_with(|_| {});
    append(&mut log, 0, 5);
    for high_watermark in [0, 3, 5] {
        log.set_high_watermark(high_watermark);
        for offset in 0..=5 {
            let read = log.read(offset, log.high_watermark(), u32::MAX).unwrap();
            assert_eq!(!read.is_empty(), offset < high_watermark);
        }
    }
}

#[test]
fn test_read_out_of_range() {
    let mut log = log_with(|_| {});
    log.truncate_fully_and_start_at(1_024);
    append(&mut log, 0, 1);
    assert_eq!(log.read(1_025, 1_025, 1_000).map(|chunks| chunks.len()), Ok(0));
    assert_eq!(log.read(1_024, 1_025, 1_000).map(|chunks| chunks.len()), Ok(1));
    assert_eq!(log.read(0, 1_025, 1_000).unwrap_err(), ErrorCode::OffsetOutOfRange);
    assert_eq!(log.read(1_026, 1_026, 1_000).unwrap_err(), ErrorCode::OffsetOutOfRange);
}

#[test]
fn test_truncate_to() {
    let mut log = log_with(|config| config.segment_bytes = u64::from(3 * ONE));
    append(&mut log, 0, 10);
    assert_eq!((log.truncate_to(10), log.truncate_to(11)), (None, None));
    assert_eq!((log.truncate_to(5), log.bytes()), (Some((5, 10)), u64::from(5 * ONE)));
    assert_eq!((log.truncate_to(0), log.bytes(), contents(&log).len()), (Some((0, 5)), 0, 0));
    append(&mut log, 1, 10);
    assert_eq!((log.end(), log.bytes(), log.segments()), (10, u64::from(10 * ONE), 4));
}

#[test]
fn test_cannot_delete_segments_at_or_above_high_watermark() {
    let mut log = log_with(|config| {
        config.segment_bytes = u64::from(5 * ONE);
        config.retention_ms = Some(Duration::ZERO);
    });
    append(&mut log, 0, 100);
    for high_watermark in 0..=100 {
        log.set_high_watermark(high_watermark);
        log.retain(secs(1));
        assert!(log.start() <= high_watermark);
    }
    assert_eq!((log.start(), log.segments(), log.bytes()), (100, 1, 0));
}

#[test]
fn should_delete_size_based_segments() {
    let mut log = of_fives(|config| config.retention_bytes = Some(u64::from(10 * ONE)));
    log.set_high_watermark(15);
    assert_eq!((log.retain(secs(0)), log.segments()), (Some(5), 2));
}

#[test]
fn should_not_delete_size_based_segments_when_under_retention_size() {
    let mut log = of_fives(|config| config.retention_bytes = Some(u64::from(15 * ONE)));
    log.set_high_watermark(15);
    assert_eq!((log.retain(secs(0)), log.segments()), (None, 3));
}

#[test]
fn should_delete_time_based_segments_ready_to_be_deleted() {
    let mut log = of_fives(|config| config.retention_ms = Some(Duration::from_secs(10)));
    log.set_high_watermark(15);
    assert_eq!((log.retain(Time::from_millis(10_000)), log.segments()), (None, 3), "not a moment before");
    assert_eq!((log.retain(Time::from_millis(10_001)), log.segments()), (Some(15), 1));
    assert_eq!(log.offset_for_timestamp(Time::ZERO), None);
}

#[test]
fn start_offset_breach_is_always_applied() {
    let mut log = of_fives(|config| config.retention_ms = None);
    log.set_high_watermark(15);
    assert_eq!(log.raise_start(5), Some(5));
    assert_eq!((log.retain(secs(0)), log.segments(), log.bytes()), (None, 2, u64::from(10 * ONE)));
}

#[test]
fn segments_roll_by_the_time_of_their_first_batch() {
    let mut log = log_with(|config| config.segment_ms = Duration::from_secs(10));
    append_at(&mut log, 0, 1, secs(100));
    append_at(&mut log, 0, 1, secs(110));
    assert_eq!(log.segments(), 1);
    append_at(&mut log, 0, 1, Time::from_millis(110_001));
    assert_eq!(log.segments(), 2);
}

#[test]
fn test_duplicate_append_writes_nothing_and_returns_the_original_offset() {
    let mut log = log_with(|_| {});
    append(&mut log, 0, 4);
    assert_eq!(log.append(secs(0), 0, stamp(0, 0), batch(4, 3, secs(0))), Ok(Appended::New(4)));
    assert_eq!(log.append(secs(0), 0, stamp(0, 0), batch(4, 3, secs(0))), Ok(Appended::Duplicate(4)));
    let gap = log.append(secs(0), 0, stamp(0, 4), batch(8, 1, secs(0)));
    assert_eq!((gap, log.end()), (Err(ErrorCode::OutOfOrderSequenceNumber), 7));
}

#[test]
fn test_duplicate_append_to_follower() {
    let mut log = log_with(|_| {});
    for offset in [0, 2] {
        let batch = batch(offset, 2, secs(0));
        log.append_chunk(
            secs(0),
            Chunk { offset, leader_epoch: 0, appended: secs(0), stamp: stamp(0, 0), batch },
        );
    }
    assert_eq!(log.end(), 4);
}

#[test]
fn a_batch_too_large_or_from_the_future_is_refused() {
    let mut log = log_with(|config| config.max_message_bytes = ONE);
    let refused = |log: &mut Log, records, at| log.append(secs(10), 0, None, batch(0, records, at)).err();
    assert_eq!(refused(&mut log, 2, secs(10)), Some(ErrorCode::MessageTooLarge));
    assert_eq!(refused(&mut log, 1, secs(3_611)), Some(ErrorCode::InvalidTimestamp));
    assert_eq!(refused(&mut log, 1, secs(3_610)), None);
    log.set_config(topic(|config| config.log_append_time = true));
    assert_eq!(refused(&mut log, 1, secs(3_611)), None, "the producer's time does not count");
}

#[test]
fn a_read_returns_whole_batches_and_at_least_one() {
    let mut log = log_with(|_| {});
    (0..3).for_each(|i| {
        log.append(secs(0), 0, None, batch(i * 4, 4, secs(0))).unwrap();
    });
    let offsets = |from, upto, max_bytes| {
        let chunks = log.read(from, upto, max_bytes).unwrap();
        chunks.iter().map(|chunk| chunk.offset).collect::<Vec<_>>()
    };
    assert_eq!(offsets(6, 12, 1), [4], "the batch that holds the offset, however large");
    assert_eq!(offsets(0, 12, 8 * ONE), [0, 4]);
    assert_eq!(offsets(0, 12, 8 * ONE - 1), [0]);
    assert_eq!(offsets(0, 11, u32::MAX), [0, 4], "nothing that reaches above the bound");
    assert_eq!((log.bytes_between(4, 12), log.bytes_between(12, 12)), (u64::from(8 * ONE), 0));
}

#[test]
fn the_first_record_not_older_than_a_time_is_found() {
    let mut log = log_with(|_| {});
    for at in [10, 20, 20, 30] {
        append_at(&mut log, 0, 1, secs(at));
    }
    let found = [0, 10, 11, 20, 30, 31].map(|at| log.offset_for_timestamp(secs(at)));
    assert_eq!(found, [Some(0), Some(0), Some(1), Some(1), Some(3), None]);
}

#[test]
fn a_killed_process_loses_nothing_but_its_high_watermark() {
    let mut log = log_with(|_| {});
    append(&mut log, 0, 10);
    log.set_high_watermark(4);
    log.checkpoint();
    log.set_high_watermark(10);
    assert_eq!(log.crash(Crash::Process, secs(1)), None);
    assert_eq!((log.end(), log.high_watermark()), (10, 4));
}

#[test]
fn a_power_loss_takes_what_was_not_on_disk() {
    let mut log = log_with(|_| {});
    append_at(&mut log, 0, 10, secs(1));
    append_at(&mut log, 3, 10, secs(20));
    log.set_high_watermark(20);
    log.checkpoint();
    let cut = log.clone().crash(Crash::Power, secs(30));
    assert_eq!(cut, Some(Cut { to: 0, from: 20, records: 20 }), "nothing was written yet");
    assert_eq!(log.crash(Crash::Power, secs(40)), Some(Cut { to: 10, from: 20, records: 10 }));
    assert_eq!((log.end(), log.high_watermark(), log.latest_epoch()), (10, 10, Some(0)));
}

#[test]
fn flushes_rolls_and_a_shutdown_in_good_order_save_it() {
    let power_loss = |log: &mut Log| log.crash(Crash::Power, secs(1));
    let mut flushed = log_with(|_| {});
    append(&mut flushed, 0, 10);
    flushed.flush(secs(0));
    assert_eq!(power_loss(&mut flushed), None);
    let mut closed = log_with(|_| {});
    append(&mut closed, 0, 10);
    closed.set_high_watermark(7);
    closed.close(secs(0));
    assert_eq!((power_loss(&mut closed), closed.high_watermark()), (None, 7));
    let mut rolled = of_fives(|_| {});
    assert_eq!(power_loss(&mut rolled), Some(Cut { to: 10, from: 15, records: 5 }));
}

#[test]
fn flush_messages_and_flush_ms_say_when_to_force_the_log() {
    let mut log = log_with(|config| {
        config.flush_messages = Some(3);
        config.flush_ms = Some(Duration::from_secs(5));
    });
    assert_eq!((log.flush_due(secs(100)), log.next_flush()), (false, None));
    append(&mut log, 0, 2);
    assert_eq!(
        (log.flush_due(secs(4)), log.flush_due(secs(5)), log.next_flush()),
        (false, true, Some(secs(5)))
    );
    append(&mut log, 0, 1);
    assert!(log.flush_due(secs(1)));
    log.flush(secs(1));
    assert!(!log.flush_due(secs(100)));
}

#[test]
fn producers_are_rebuilt_from_the_log_after_a_truncation_and_a_crash() {
    let mut log = log_with(|config| config.segment_bytes = u64::from(3 * ONE));
    for i in 0..7 {
        log.append(secs(1), 0, stamp(0, i), batch(u64::from(i), 1, secs(1))).unwrap();
    }
    log.truncate_to(5);
    assert_eq!(log.producers().latest(1), Some((0, 4, 4)));
    let again = log.append(secs(1), 0, stamp(0, 5), batch(5, 1, secs(1)));
    assert_eq!(again, Ok(Appended::New(5)));
    log.crash(Crash::Process, secs(2));
    assert_eq!(log.producers().latest(1), Some((0, 5, 5)));
    let old = |log: &mut Log, i: u32| log.append(secs(2), 0, stamp(0, i), batch(0, 1, secs(2)));
    assert_eq!(old(&mut log, 3), Ok(Appended::Duplicate(3)), "behind the snapshot");
    // The snapshot at offset 3 kept one batch of those below it: number 2.
    assert_eq!(old(&mut log, 2), Ok(Appended::Duplicate(2)));
    assert_eq!(old(&mut log, 1), Err(ErrorCode::OutOfOrderSequenceNumber));
}

#[test]
fn a_frozen_log_reads_like_the_one_before() {
    let mut log = log_with(|config| config.segment_bytes = u64::from(700 * ONE));
    for i in 0..1_000 {
        let at = Time::from_millis(i);
        log.append(at, (i / 400) as u32, stamp(0, 3 * i as u32), batch(3 * i, 3, at)).unwrap();
    }
    let before = log.clone();
    log.freeze_below(2_900, Time::from_millis(980));
    assert_eq!(log.frozen().0, 2_052, "two blocks of at least 1,024 records in whole batches");
    assert_same(&log, &before);
    log.truncate_to(2_001);
    let mut cut = before.clone();
    cut.truncate_to(2_001);
    assert_same(&log, &cut);
    assert_eq!((log.end(), log.bytes()), (2_001, u64::from(2_001 * ONE)));
    append(&mut log, 9, 10);
    append(&mut cut, 9, 10);
    assert_same(&log, &cut);
    log.set_high_watermark(2_001);
    log.set_config(topic(|config| config.retention_bytes = Some(u64::from(600 * ONE))));
    log.retain(Time::from_millis(1_000));
    assert_eq!(log.start(), 1_398);
    assert_eq!(log.read(1_397, 2_001, 1).unwrap_err(), ErrorCode::OffsetOutOfRange);
    assert_eq!(log.read(1_398, 2_001, 1).unwrap()[0].offset, 1_398);
}

fn assert_same(log: &Log, other: &Log) {
    for from in (log.start()..log.end()).step_by(97) {
        let [left, right] = [log, other].map(|log| log.read(from, log.end(), 10 * ONE).unwrap());
        assert_eq!(format!("{left:?}"), format!("{right:?}"));
        let at = Time::from_millis(from / 3);
        assert_eq!(log.offset_for_timestamp(at), other.offset_for_timestamp(at));
    }
    assert_eq!(format!("{:?}", log.producers()), format!("{:?}", other.producers()));
}

/// What an hour at 2,000 records/s on three replicas weighs, by ten minutes of it on one.
#[test]
fn old_records_take_four_bytes_each_at_most() {
    let mut rng = Rng::named(7, "log");
    let mut log = log_with(|_| {});
    let mut now = secs(1);
    for i in 0..60_000 {
        let mut created = now;
        let mut record = |number: u64| {
            created += Duration::from_nanos((rng.exponential() * 500_000.0) as u64);
            Record::new(RecordId::new(0, number), created, None, 80 + rng.below(41) as u32)
        };
        let records: Vec<_> = (20 * i..20 * i + 20).map(&mut record).collect();
        let bytes = 70 + records.iter().map(|record| record.bytes()).sum::<u32>();
        now = created;
        log.append(now, 0, stamp(0, 20 * i as u32), Batch::new(records, Vec::new(), bytes)).unwrap();
        if i % 1_000 == 0 {
            log.freeze_below(log.end(), now);
        }
    }
    log.freeze_below(log.end(), now);
    let (records, memory) = log.frozen();
    println!("{records} records frozen in {memory} bytes: {:.2} each", memory as f64 / records as f64);
    assert!(records > 1_190_000 && memory as u64 <= 4 * records);
}

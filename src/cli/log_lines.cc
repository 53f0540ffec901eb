#include "cli/log_lines.h"

#include "cli/record_format.h"
#include "cli/time_text.h"
#include "log/core/control.h"
#include "log/core/damage.h"
#include "model/record_batch.h"
#include "model/record_iterator.h"

namespace forebay::cli {
namespace {

Value time_value(model::Timestamp time) { return time.value() < 0 ? Value() : Value(iso_ms(time.value())); }

Value voters_value(const std::vector<log::Voter>& voters) {
  Value list = Value::array();
  for (const log::Voter& voter : voters) {
    list.push(Value::object().set("node", voter.node.value()).set("disk", voter.disk.to_string()));
  }
  return list;
}

struct ControlValue {
  Value operator()(const log::TermStart& control) const {
    return Value::object().set("type", "term start").set("leader", control.leader.value());
  }
  Value operator()(const log::Membership& control) const {
    return Value::object()
        .set("type", "membership")
        .set("voters", voters_value(control.voters))
        .set("next_voters", voters_value(control.next_voters))
        .set("learners", voters_value(control.learners));
  }
  Value operator()(const log::LogStart& control) const {
    return Value::object().set("type", "log start").set("begin", control.begin.to_string());
  }
  Value operator()(const log::ProducerFence& control) const {
    return Value::object()
        .set("type", "producer fence")
        .set("producer_id", control.producer.value())
        .set("producer_epoch", std::int64_t{control.epoch.value()});
  }
  Value operator()(const log::ProducerPosition& control) const {
    return Value::object()
        .set("type", "producer position")
        .set("producer_id", control.producer.value())
        .set("producer_epoch", std::int64_t{control.epoch.value()})
        .set("last_sequence", std::int64_t{control.last_sequence})
        .set("source", control.source)
        .set("position", control.position);
  }
  Value operator()(const log::ProducersForgotten& control) const {
    return Value::object()
        .set("type", "producers forgotten")
        .set("silent_before", time_value(control.silent_before))
        .set("quiet_before", time_value(control.quiet_before));
  }
};

Value damage_value(const std::vector<log::Damage>& damage) {
  Value list = Value::array();
  for (const log::Damage& one : damage) {
    const bool tail = log::is_tail(one.kind);
    list.push(Value::object()
                  .set("kind", tail ? "tail" : "range")
                  .set("begin", one.begin.to_string())
                  .set("end", tail ? Value() : Value(one.end.to_string()))
                  .set("accepted", log::is_accepted(one.kind)));
  }
  return list;
}

Value segments_value(const std::vector<log::SegmentMeta>& segments) {
  Value list = Value::array();
  for (const log::SegmentMeta& segment : segments) {
    list.push(Value::object()
                  .set("file", log::segment_file_name(segment))
                  .set("begin", segment.begin.to_string())
                  .set("end", segment.end.to_string())
                  .set("bytes", segment.size_bytes));
  }
  return list;
}

struct RecordText {
  Value operator()(const log::CreateReplica& create) const {
    return Value::object().set("type", create.lost ? "create lost" : "create");
  }
  Value operator()(const log::RemoveReplica&) const { return Value::object().set("type", "remove"); }
  Value operator()(const log::SetHardState& record) const {
    return Value::object()
        .set("type", "hard state")
        .set("term", record.state.term.value())
        .set("vote", record.state.vote ? Value(record.state.vote->value()) : Value());
  }
  Value operator()(const log::Truncate& record) const {
    return Value::object().set("type", "truncate").set("to", record.to.to_string());
  }
  Value operator()(const log::SetLogStart& record) const {
    return Value::object().set("type", "log start").set("begin", record.begin.to_string());
  }
  Value operator()(const log::ReplaceSegments& record) const {
    return Value::object()
        .set("type", "replace segments")
        .set("removed", segments_value(record.removed))
        .set("added", segments_value(record.added));
  }
  Value operator()(const log::SetDamage& record) const {
    return Value::object().set("type", "damage").set("damage", damage_value(record.damage));
  }
  Value operator()(const log::InstallBase& record) const {
    return Value::object()
        .set("type", "install")
        .set("begin", record.base.begin.to_string())
        .set("term_before", record.base.before.term.value());
  }
};

void set_id(Value& value, const model::TopicPartition& id) {
  value.set("topic", id.topic.to_string()).set("partition", id.partition.value());
}

std::string_view kind_text(log::RoundKind kind) {
  switch (kind) {
    case log::RoundKind::kData:
      return "data";
    case log::RoundKind::kCheckpoint:
      return "checkpoint";
    case log::RoundKind::kIdle:
      return "idle";
  }
  return "unknown";
}

}  // namespace

Value frame_line(const std::string& file, std::uint64_t position, const log::FrameHeader& header,
                 ByteSpan payload) {
  Value line = Value::object();
  line.set("kind", header.kind == log::FrameKind::kRecords ? "records" : "control")
      .set("file", file)
      .set("position", position);
  set_id(line, header.partition);
  line.set("begin", header.begin.to_string())
      .set("end", header.end.to_string())
      .set("term", header.term.value())
      .set("append_time", time_value(header.append_time))
      .set("bytes", header.payload_bytes);
  if (header.kind == log::FrameKind::kControl) {
    const auto control = log::decode_control(payload);
    line.set("control", control ? std::visit(ControlValue{}, *control) : Value(control.error().to_string()));
    return line;
  }
  const auto batch = model::RecordBatchView::parse(payload);
  if (!batch) return line.set("error", batch.error().to_string());
  const auto codec = batch->attributes().codec();
  const model::BatchHeader& head = batch->header();
  return line.set("records", head.record_count)
      .set("compression", codec ? Value(model::codec_name(*codec)) : Value())
      .set("dead_letters", batch->attributes().has_dead_letters())
      .set("max_event_time", time_value(head.max_timestamp))
      .set("producer_id", head.producer_id.value() < 0 ? Value() : Value(head.producer_id.value()))
      .set("producer_epoch",
           head.producer_id.value() < 0 ? Value() : Value(std::int64_t{head.producer_epoch.value()}))
      .set("base_sequence", head.producer_id.value() < 0 ? Value() : Value(std::int64_t{head.base_sequence}));
}

Value state_line(const std::string& file, const model::TopicPartition& id, const log::StateSnapshot& state) {
  Value line = Value::object();
  line.set("kind", "state").set("file", file);
  set_id(line, id);
  return line.set("position_in_log", state.position.to_string())
      .set("term", state.term.value())
      .set("bytes", std::uint64_t{state.bytes.size()});
}

Value damage_line(const std::string& file, std::uint64_t position, const model::LogPosition& begin,
                  const model::LogPosition& end) {
  return Value::object()
      .set("kind", "damage")
      .set("file", file)
      .set("position", position)
      .set("begin", begin.to_string())
      .set("end", end.to_string());
}

Value round_line(const std::string& file, const log::ScannedRound& round) {
  const log::RoundHeader& header = round.header;
  Value frames = Value::array();
  Value records = Value::array();
  for (const auto& entry : round.entries) {
    Value one = Value::object();
    if (const auto* frame = std::get_if<log::ScannedFrame>(&entry)) {
      set_id(one, frame->header.partition);
      one.set("kind", frame->header.kind == log::FrameKind::kRecords ? "records" : "control")
          .set("begin", frame->header.begin.to_string())
          .set("end", frame->header.end.to_string())
          .set("term", frame->header.term.value())
          .set("bytes", frame->header.payload_bytes);
      frames.push(std::move(one));
    } else {
      const auto& record = std::get<log::PartitionRecord>(entry);
      set_id(one, record.id);
      one.set("record", std::visit(RecordText{}, record.record));
      records.push(std::move(one));
    }
  }
  return Value::object()
      .set("kind", "round")
      .set("file", file)
      .set("position", round.file_offset)
      .set("sequence", header.sequence.value())
      .set("previous", header.previous.value())
      .set("content", kind_text(header.kind))
      .set("boot_epoch", header.boot_epoch.value())
      .set("shard", header.shard)
      .set("wall_time", time_value(header.wall_time))
      .set("bytes", std::uint64_t{header.blocks_bytes()})
      .set("clean", header.clean)
      .set("frames", std::move(frames))
      .set("records", std::move(records));
}

Value broken_round_line(const std::string& file, const log::BrokenRound& broken) {
  return Value::object()
      .set("kind", "broken round")
      .set("file", file)
      .set("position", broken.file_offset)
      .set("sequence", broken.sequence.value())
      .set("bytes", broken.bytes);
}

Value partition_line(const std::string& topic_name, const log::FoldedPartition& partition) {
  const log::PartitionCheckpoint& state = partition.state;
  Value line = Value::object();
  line.set("kind", "partition").set("name", topic_name.empty() ? Value() : Value(topic_name));
  set_id(line, state.id);
  return line.set("term", state.hard_state.term.value())
      .set("vote", state.hard_state.vote ? Value(state.hard_state.vote->value()) : Value())
      .set("log_start", state.log_start.to_string())
      .set("segment_end", state.segment_end.to_string())
      .set("end", partition.end.to_string())
      .set("journal_frames", std::uint64_t{partition.tail.size()})
      .set("segments", segments_value(state.segments))
      .set("damage", damage_value(state.damage));
}

bool emit_records(const log::FrameHeader& header, ByteSpan payload, std::size_t records_bytes_max,
                  std::vector<std::byte>& scratch, const EmitLine& emit) {
  const auto batch = model::RecordBatchView::parse(payload);
  if (!batch) return true;  // the frame's line says so
  const std::string topic = header.partition.topic.to_string();
  std::vector<HeaderView> headers;
  bool more = true;
  const auto decoded =
      model::for_each_record(*batch, records_bytes_max, scratch, [&](const model::RecordView& stored) {
        if (!more) return;
        headers.clear();
        for (const model::HeaderView& one : stored.headers) {
          headers.push_back({one.name, one.value ? std::optional(as_text(*one.value)) : std::nullopt});
        }
        RecordView record;
        if (stored.key) record.key = as_text(*stored.key);
        if (stored.value) record.value = as_text(*stored.value);
        record.headers = headers;
        if (stored.timestamp.value() >= 0) record.event_time_ms = stored.timestamp.value();
        record.offset = stored.offset.value();
        const ShownRecord shown{topic, header.partition.partition.value(), header.append_time.value(),
                                &record};
        more = emit(record_value(shown).set("kind", "record"));
      });
  if (!decoded && more) {
    more = emit(Value::object().set("kind", "damage").set("error", decoded.error().to_string()));
  }
  return more;
}

}  // namespace forebay::cli

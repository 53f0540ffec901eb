#include "api/fetch_response.h"

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/slice.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "base/varint.h"
#include "model/record_iterator.h"

namespace forebay::api {
namespace {

// A slice of its own costs an allocation, two counters and a place in the socket's gather list; below this a
// copy is cheaper.
constexpr std::size_t kCopyBelowBytes = 1024;
constexpr std::size_t kVarintFieldBytesMax = 1 + kVarlongBytesMax;

// Field numbers of log.proto as protobuf tags; all below 16, so one byte each.
constexpr std::uint64_t varint_tag(int field) { return static_cast<std::uint64_t>(field) << 3; }
constexpr std::uint64_t bytes_tag(int field) { return (static_cast<std::uint64_t>(field) << 3) | 2; }

// Keeps the frames alive, and the budget taken, until the last slice is gone.
class FramesHold {
 public:
  FramesHold(std::vector<log::FramePtr> frames, AnswerBudget budget, std::size_t bytes)
      : frames_(std::move(frames)), budget_(std::move(budget)), bytes_(bytes) {}
  FramesHold(const FramesHold&) = delete;
  FramesHold& operator=(const FramesHold&) = delete;

  [[nodiscard]] const std::vector<log::FramePtr>& frames() const { return frames_; }
  [[nodiscard]] grpc::Slice slice_of(ByteSpan bytes) {
    slices_.fetch_add(1, std::memory_order_relaxed);
    // gRPC takes a pointer to bytes that may change, and changes none.
    return {const_cast<std::byte*>(bytes.data()), bytes.size(),
            [](void* hold) { static_cast<FramesHold*>(hold)->release(); }, this};
  }
  void release() {
    if (slices_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 private:
  ~FramesHold() { budget_.give_back(bytes_); }
  std::atomic<std::size_t> slices_{1};  // one for the maker
  const std::vector<log::FramePtr> frames_;
  const AnswerBudget budget_;
  const std::size_t bytes_;
};

// Bytes that are copied gather here; whole slices come out between those that are referenced.
class SliceWriter {
 public:
  void add_varint(int field, std::uint64_t value) {
    if (value == 0) return;  // proto3 leaves defaults out
    std::byte bytes[kVarintFieldBytesMax];
    std::byte* at = write_unsigned_varint(bytes, varint_tag(field));
    at = write_unsigned_varint(at, value);
    add_copy({bytes, at});
  }
  void add_length(int field, std::size_t size) {
    std::byte bytes[kVarintFieldBytesMax];
    std::byte* at = write_unsigned_varint(bytes, bytes_tag(field));
    at = write_unsigned_varint(at, size);
    add_copy({bytes, at});
  }
  void add_copy(ByteSpan bytes) { copied_.append(as_text(bytes)); }
  void add_slice(grpc::Slice slice) {
    flush();
    slices_.push_back(std::move(slice));
  }
  [[nodiscard]] grpc::ByteBuffer finish() {
    flush();
    return {slices_.data(), slices_.size()};
  }

 private:
  void flush() {
    if (copied_.empty()) return;
    slices_.emplace_back(copied_.data(), copied_.size());
    copied_.clear();
  }
  std::string copied_;
  std::vector<grpc::Slice> slices_;
};

std::uint64_t as_varint(std::int64_t value) { return static_cast<std::uint64_t>(value); }

std::size_t varint_field_size(std::uint64_t value) {
  return value == 0 ? 0 : 1 + unsigned_varint_size(value);
}

// Bytes of one FetchedBatch without its own tag and length.
std::size_t batch_message_size(const log::Frame& frame) {
  const log::FrameHeader& header = frame.header;
  const std::size_t size = varint_field_size(as_varint(header.begin.next_offset.value())) +
                           varint_field_size(as_varint(header.end.next_offset.value())) +
                           varint_field_size(header.term.value()) +
                           varint_field_size(as_varint(header.append_time.value()));
  const std::size_t payload = frame.payload.size();
  return payload == 0 ? size : size + 1 + unsigned_varint_size(payload) + payload;
}

void write_batch(const log::Frame& frame, FramesHold& hold, SliceWriter& out) {
  const log::FrameHeader& header = frame.header;
  out.add_length(v1::FetchResponse::kBatchesFieldNumber, batch_message_size(frame));
  out.add_varint(v1::FetchedBatch::kBeginOffsetFieldNumber, as_varint(header.begin.next_offset.value()));
  out.add_varint(v1::FetchedBatch::kEndOffsetFieldNumber, as_varint(header.end.next_offset.value()));
  out.add_varint(v1::FetchedBatch::kTermFieldNumber, header.term.value());
  out.add_varint(v1::FetchedBatch::kAppendTimeMsFieldNumber, as_varint(header.append_time.value()));
  if (frame.payload.empty()) return;
  out.add_length(v1::FetchedBatch::kBatchFieldNumber, frame.payload.size());
  if (frame.payload.size() < kCopyBelowBytes) {
    out.add_copy(frame.payload.span());
  } else {
    out.add_slice(hold.slice_of(frame.payload.span()));
  }
}

// A name that a raw producer did not write as UTF-8 would make the whole message unreadable.
std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = utf8_character_bytes(text);
    valid.append(size == 0 ? "\xef\xbf\xbd" : text.substr(0, size));
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return valid;
}

void fill_record(const model::RecordView& view, const log::FrameHeader& frame, v1::Record* record) {
  if (view.key) record->set_key(view.key->data(), view.key->size());
  if (view.value) record->set_value(view.value->data(), view.value->size());
  for (const model::HeaderView& header : view.headers) {
    v1::Header* to = record->add_headers();
    to->set_name(valid_utf8(header.name));
    if (header.value) to->set_value(header.value->data(), header.value->size());
  }
  record->set_event_time_ms(view.timestamp.value());
  record->set_offset(view.offset.value());
  record->set_append_time_ms(frame.append_time.value());
  record->set_term(frame.term.value());
}

// Fills a response until its bound.
class PlainRecords {
 public:
  PlainRecords(model::Offset offset, std::size_t bytes_max, std::size_t decompressed_bytes_max,
               v1::FetchResponse& response)
      : offset_(offset),
        bytes_max_(bytes_max),
        decompressed_bytes_max_(decompressed_bytes_max),
        response_(response) {}

  // Returns: false when the response is full; its next_offset is set then.
  [[nodiscard]] Result<bool> add(const log::Frame& frame) {
    // The log has verified every checksum on the way here.
    FOREBAY_TRY(const auto batch,
                model::RecordBatchView::parse(frame.payload.span(), model::CrcCheck::kSkip));
    FOREBAY_TRY(const ByteSpan records, model::records_of(batch, decompressed_bytes_max_, scratch_));
    model::RecordIterator iterator(batch.header(), records);
    model::RecordView view;
    while (true) {
      FOREBAY_TRY(const bool more, iterator.next(view));
      if (!more) return true;
      if (view.offset < offset_) continue;
      bytes_ += view.size_bytes;
      if (bytes_ > bytes_max_ && response_.records_size() > 0) {
        response_.set_next_offset(view.offset.value());
        return false;
      }
      fill_record(view, frame.header, response_.add_records());
    }
  }

 private:
  const model::Offset offset_;
  const std::size_t bytes_max_;
  const std::size_t decompressed_bytes_max_;
  v1::FetchResponse& response_;
  std::vector<std::byte> scratch_;
  std::size_t bytes_ = 0;
};

}  // namespace

std::size_t retained_bytes(const broker::FetchResult& result) {
  std::size_t bytes = 0;
  const void* before = nullptr;
  for (const log::FramePtr& frame : result.frames) {
    const void* owner = frame->payload.owner().get();
    if (owner != nullptr && owner == before) continue;  // frames of one read share its buffer
    bytes += frame->payload.retained_bytes();
    before = owner;
  }
  return bytes;
}

std::optional<grpc::ByteBuffer> encode_raw_response(broker::FetchResult result, const AnswerBudget& budget) {
  const std::size_t bytes = retained_bytes(result);
  if (!budget.try_take(bytes)) return std::nullopt;
  auto* hold = new FramesHold(std::move(result.frames), budget, bytes);  // deletes itself
  SliceWriter out;
  out.add_varint(v1::FetchResponse::kLogStartFieldNumber, as_varint(result.log_start.value()));
  out.add_varint(v1::FetchResponse::kHighWatermarkFieldNumber, as_varint(result.high_watermark.value()));
  out.add_varint(v1::FetchResponse::kNextOffsetFieldNumber, as_varint(result.next_offset.value()));
  for (const log::FramePtr& frame : hold->frames()) write_batch(*frame, *hold, out);
  grpc::ByteBuffer buffer = out.finish();
  hold->release();
  return buffer;
}

std::optional<grpc::ByteBuffer> encode_message(const google::protobuf::MessageLite& message,
                                               const AnswerBudget& budget) {
  struct Owned {
    std::string bytes;
    AnswerBudget budget;
    std::size_t taken;
    ~Owned() { budget.give_back(taken); }
  };
  const std::size_t size = message.ByteSizeLong();
  if (!budget.try_take(size)) return std::nullopt;
  auto* owned = new Owned{{}, budget, size};
  message.SerializeToString(&owned->bytes);
  const grpc::Slice slice(
      owned->bytes.data(), owned->bytes.size(), [](void* pointer) { delete static_cast<Owned*>(pointer); },
      owned);
  return grpc::ByteBuffer(&slice, 1);
}

std::optional<grpc::ByteBuffer> charge(grpc::ByteBuffer bytes, const AnswerBudget& budget) {
  // Keeps the slices, and the budget taken, until the last of them is sent or dropped.
  struct Hold {
    std::vector<grpc::Slice> slices;
    AnswerBudget budget;
    std::size_t taken;
    std::atomic<std::size_t> users;
    void release() {
      if (users.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }
    ~Hold() { budget.give_back(taken); }
  };
  const std::size_t size = bytes.Length();
  if (!budget.try_take(size)) return std::nullopt;
  std::vector<grpc::Slice> slices;
  (void)bytes.Dump(&slices);
  auto* hold = new Hold{std::move(slices), budget, size, 1};
  std::vector<grpc::Slice> charged;
  for (const grpc::Slice& slice : hold->slices) {
    hold->users.fetch_add(1, std::memory_order_relaxed);
    charged.emplace_back(
        const_cast<std::uint8_t*>(slice.begin()), slice.size(),
        [](void* pointer) { static_cast<Hold*>(pointer)->release(); }, hold);
  }
  grpc::ByteBuffer whole(charged.data(), charged.size());
  charged.clear();
  hold->release();
  return whole;
}

Result<v1::FetchResponse> decode_plain_response(const broker::FetchResult& result, model::Offset offset,
                                                std::size_t bytes_max, std::size_t decompressed_bytes_max) {
  v1::FetchResponse response;
  response.set_log_start(result.log_start.value());
  response.set_high_watermark(result.high_watermark.value());
  response.set_next_offset(result.next_offset.value());
  PlainRecords records(offset, bytes_max, decompressed_bytes_max, response);
  for (const log::FramePtr& frame : result.frames) {
    auto more = records.add(*frame);
    if (!more) {
      return Error{ErrorCode::kDataLoss, "the batch at offset " +
                                             std::to_string(frame->header.begin.next_offset.value()) +
                                             " cannot be decoded: " + more.error().context};
    }
    if (!*more) break;
  }
  return response;
}

}  // namespace forebay::api

#include "cluster/state_exchange.h"

#include <utility>
#include <vector>

#include "cluster/controller.h"
#include "cluster/state_export.h"
#include "log/core/wire.h"

namespace forebay::cluster {
namespace {

// No proposal begins so: there is no field 0 in protobuf.
constexpr std::byte kMark{0};
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kRequestBytes = 2 + 8 + 8;
// A piece takes a round trip and a read of memory.
constexpr runtime::Duration kPieceTimeout = std::chrono::seconds(3);
// Nobody has asked for so long: whoever did is gone, or has it all.
constexpr runtime::Duration kKept = std::chrono::seconds(30);

}  // namespace

bool is_state_request(ByteSpan bytes) { return !bytes.empty() && bytes.front() == kMark; }

std::string encode_request(const StateRequest& request) {
  std::vector<std::byte> bytes{kMark};
  log::WireWriter out(bytes);
  out.put(kVersion);
  out.put(request.applied.value());
  out.put(request.from);
  return std::string(as_text(bytes));
}

Result<StateRequest> decode_request(ByteSpan bytes) {
  log::WireReader in(bytes);
  const auto mark = in.get<std::uint8_t>();
  const auto version = in.get<std::uint8_t>();
  StateRequest request;
  request.applied = model::Offset(in.get<std::int64_t>());
  request.from = in.get<std::uint64_t>();
  if (bytes.size() != kRequestBytes || mark != 0 || version != kVersion || request.applied < model::Offset(0))
    return Error{ErrorCode::kInvalidArgument, "a request for the state of __cluster that cannot be read"};
  return request;
}

std::string encode_piece(const StatePiece& piece) {
  std::vector<std::byte> bytes;
  log::WireWriter out(bytes);
  out.put(kVersion);
  out.put(piece.term.value());
  out.put(piece.applied.value());
  out.put(piece.size);
  out.bytes(as_bytes(piece.bytes));
  return std::string(as_text(bytes));
}

Result<StatePiece> decode_piece(ByteSpan bytes) {
  log::WireReader in(bytes);
  const auto version = in.get<std::uint8_t>();
  StatePiece piece;
  piece.term = model::Term(in.get<decltype(piece.term.value())>());
  piece.applied = model::Offset(in.get<std::int64_t>());
  piece.size = in.get<std::uint64_t>();
  const bool bad = in.failed() || version != kVersion || piece.applied < model::Offset(0) ||
                   piece.size > kStateBytesMax || in.left() > piece.size;
  if (bad) return Error{ErrorCode::kInvalidArgument, "a piece of the state of __cluster that cannot be read"};
  piece.bytes = as_text(in.bytes(in.left()));
  return piece;
}

// --- answering

StateSource::~StateSource() {
  if (forget_) executor_.cancel(*forget_);
}

Result<std::string> StateSource::answer(const StateRequest& request, model::Term term,
                                        const ClusterImage& image) {
  if (request.from == 0) {
    if (image.applied < request.applied)
      return Error{ErrorCode::kNotYet, "the state of __cluster is not that far here", 100};
    if (!kept_ || kept_->applied < request.applied) kept_ = Kept{image.applied, encode_state(image)};
  } else if (!kept_ || kept_->applied != request.applied) {
    return Error{ErrorCode::kNotYet, "that state of __cluster is not kept any more; begin anew", 100};
  }
  if (kept_->bytes.size() > kStateBytesMax)
    return Error{ErrorCode::kUnsupported, "the state of __cluster is larger than anything that is sent"};
  if (request.from > kept_->bytes.size())
    return Error{ErrorCode::kInvalidArgument, "the state of __cluster ends before that"};
  if (forget_) executor_.cancel(*forget_);
  forget_ = executor_.schedule_after(kKept, [this] {
    forget_.reset();
    kept_.reset();
  });
  return encode_piece({.term = term,
                       .applied = kept_->applied,
                       .size = kept_->bytes.size(),
                       .bytes = kept_->bytes.substr(request.from, kStatePieceBytes)});
}

// --- fetching

StateFetch::StateFetch(raft::Peers& peers, model::NodeId from, model::Offset at_least, Done done)
    : peers_(peers),
      from_(from),
      next_{at_least, 0},
      done_(std::move(done)),
      alive_(std::make_shared<StateFetch*>(this)) {}

void StateFetch::ask() {
  peers_.request(from_, cluster_partition(), encode_request(next_), kPieceTimeout,
                 [alive = alive_](Result<std::string> answer) {
                   if (*alive != nullptr) (*alive)->take(std::move(answer));
                 });
}

// `done` may end this fetch.
void StateFetch::take(Result<std::string> answer) {
  if (!answer) return std::exchange(done_, nullptr)(std::move(answer).error());
  auto piece = decode_piece(as_bytes(*answer));
  if (!piece) return std::exchange(done_, nullptr)(std::move(piece).error());
  const bool first = next_.from == 0;
  const bool fits =
      first ? piece->applied >= next_.applied : piece->applied == next_.applied && piece->term == term_;
  const bool ends = piece->bytes.empty() && bytes_.size() < piece->size;
  if (!fits || ends || bytes_.size() + piece->bytes.size() > piece->size)
    return std::exchange(
        done_, nullptr)(Error{ErrorCode::kNotYet, "the state of __cluster changed while it was fetched"});
  term_ = piece->term;
  bytes_ += piece->bytes;
  next_ = {piece->applied, bytes_.size()};
  if (bytes_.size() < piece->size) return ask();
  std::exchange(done_, nullptr)(Fetched{*term_, std::move(bytes_)});
}

}  // namespace forebay::cluster

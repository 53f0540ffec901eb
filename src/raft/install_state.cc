#include "raft/install_state.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "log/core/wire.h"

namespace forebay::raft {
namespace {

// Nothing of the layers above begins so: there is no field 0 in protobuf, and what else is asked for has
// other marks (docs/format/peer-messages.md). Who does not know it answers that he cannot read it.
constexpr std::uint8_t kMark = 3;
constexpr std::uint8_t kVersion = 1;
// A piece takes a round trip and a read of memory.
constexpr runtime::Duration kPieceTimeout = std::chrono::seconds(3);
// Nobody has asked for so long: whoever did is gone, or has it all.
constexpr runtime::Duration kKept = std::chrono::seconds(30);
constexpr std::uint32_t kNotYetRetryMs = 100;

Error unreadable(const char* what) {
  return Error{ErrorCode::kInvalidArgument,
               std::string(what) + " of the state of a partition that cannot be read"};
}

}  // namespace

bool is_install_state_request(ByteSpan body) { return !body.empty() && body.front() == std::byte{kMark}; }

std::string encode_request(const InstallStateRequest& request) {
  std::vector<std::byte> bytes;
  log::WireWriter out(bytes);
  out.put(kMark);
  out.put(kVersion);
  out.partition(request.group);
  out.position(request.position);
  out.put(request.from);
  return std::string(as_text(bytes));
}

Result<InstallStateRequest> decode_install_state_request(ByteSpan body) {
  log::WireReader in(body);
  const auto mark = in.get<std::uint8_t>();
  const auto version = in.get<std::uint8_t>();
  InstallStateRequest request;
  request.group = in.partition();
  request.position = in.position();
  request.from = in.get<std::uint64_t>();
  if (!in.finished() || mark != kMark || version != kVersion) return unreadable("a request");
  return request;
}

std::string encode_piece(const InstallStatePiece& piece) {
  std::vector<std::byte> bytes;
  log::WireWriter out(bytes);
  out.put(kVersion);
  out.put(static_cast<std::uint8_t>(piece.is_there ? 1 : 0));
  out.position(piece.position);
  out.put(piece.term.value());
  out.put(piece.size);
  out.bytes(as_bytes(piece.bytes));
  return std::string(as_text(bytes));
}

Result<InstallStatePiece> decode_install_state_piece(ByteSpan body) {
  log::WireReader in(body);
  const auto version = in.get<std::uint8_t>();
  InstallStatePiece piece;
  piece.is_there = in.get<std::uint8_t>() != 0;
  piece.position = in.position();
  piece.term = model::Term(in.get<std::uint64_t>());
  piece.size = in.get<std::uint64_t>();
  if (in.failed() || version != kVersion || piece.size > log::kStateBytesMax || in.left() > piece.size)
    return unreadable("a piece");
  piece.bytes = as_text(in.bytes(in.left()));
  return piece;
}

// --- answering

InstallStateSource::~InstallStateSource() {
  if (forget_) executor_.cancel(*forget_);
}

Result<std::string> InstallStateSource::answer(const InstallStateRequest& request) {
  if (request.from == 0 && (!kept_ || kept_->position < request.position)) {
    FOREBAY_TRY(auto state, take_());
    if (!state) return encode_piece({});
    if (state->position < request.position)
      return Error{ErrorCode::kNotYet, "the state of the partition is not that far here", kNotYetRetryMs};
    kept_ = *std::move(state);
  } else if (request.from != 0 && (!kept_ || kept_->position != request.position)) {
    return Error{ErrorCode::kNotYet, "that state of the partition is not kept any more; begin anew",
                 kNotYetRetryMs};
  }
  if (request.from > kept_->bytes.size())
    return Error{ErrorCode::kInvalidArgument, "the state of the partition ends before that"};
  if (forget_) executor_.cancel(*forget_);
  forget_ = executor_.schedule_after(kKept, [this] {
    forget_.reset();
    kept_.reset();
  });
  const std::size_t from = static_cast<std::size_t>(request.from);
  const std::size_t count = std::min(kInstallStatePieceBytes, kept_->bytes.size() - from);
  return encode_piece({.is_there = true,
                       .position = kept_->position,
                       .term = kept_->term,
                       .size = kept_->bytes.size(),
                       .bytes = std::string(as_text(kept_->bytes.span().subspan(from, count)))});
}

// --- fetching

InstallStateFetch::InstallStateFetch(Peers& peers, model::NodeId from, const model::TopicPartition& group,
                                     const model::LogPosition& at_least, Done done)
    : peers_(peers),
      from_(from),
      next_{group, at_least, 0},
      done_(std::move(done)),
      alive_(std::make_shared<InstallStateFetch*>(this)) {}

void InstallStateFetch::ask() {
  sent_ = false;
  const auto alive = alive_;
  peers_.request(from_, next_.group, encode_request(next_), kPieceTimeout,
                 [alive](Result<std::string> answer) {
                   if (*alive != nullptr) (*alive)->take(std::move(answer));
                 });
  if (*alive != nullptr) sent_ = true;
}

// What a node answers that does not know such requests: that it cannot read it, or, where nobody hears
// requests, that it is starting.
bool InstallStateFetch::knows_no_states(const Error& answer) const {
  if (answer.code == ErrorCode::kUnavailable) return sent_ && peers_.is_reachable(from_, next_.group);
  return answer.code != ErrorCode::kNotYet && answer.code != ErrorCode::kNotLeader &&
         answer.code != ErrorCode::kOutcomeUnknown;
}

// `done` may end this fetch.
void InstallStateFetch::take(Result<std::string> answer) {
  if (!answer && !knows_no_states(answer.error())) return finish(std::move(answer).error());
  if (!answer) return finish(std::optional<log::StateSnapshot>());
  auto piece = decode_install_state_piece(as_bytes(*answer));
  if (!piece || !piece->is_there) return finish(std::optional<log::StateSnapshot>());
  const bool first = next_.from == 0;
  const bool fits =
      first ? piece->position >= next_.position : piece->position == next_.position && piece->term == term_;
  const bool ends = piece->bytes.empty() && bytes_.size() < piece->size;
  if (!fits || ends || bytes_.size() + piece->bytes.size() > piece->size)
    return finish(Error{ErrorCode::kNotYet, "the state of the partition changed while it was fetched"});
  term_ = piece->term;
  bytes_ += piece->bytes;
  next_.position = piece->position;
  next_.from = bytes_.size();
  if (bytes_.size() < piece->size) return ask();
  finish(std::optional(log::StateSnapshot{next_.position, term_, SharedBytes::take(std::move(bytes_))}));
}

}  // namespace forebay::raft

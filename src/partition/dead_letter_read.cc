#include "partition/dead_letter_read.h"

#include <memory>
#include <utility>

#include "model/record_batch.h"

namespace forebay::partition {
namespace {

// Read at a time: they may lie far apart.
constexpr std::size_t kPieceBytes = 64U << 10;

class DeadLetterRead : public std::enable_shared_from_this<DeadLetterRead> {
 public:
  DeadLetterRead(log::Log& log, const log::ReadRequest& request, log::ReadResultDone done)
      : log_(log), request_(request), done_(std::move(done)) {
    result_.next = request.from;
  }

  // What memory has is answered at once: no deeper for each piece.
  void go() {
    if (running_) {
      again_ = true;
      return;
    }
    running_ = true;
    do {
      again_ = false;
      find();
    } while (again_);
    running_ = false;
  }

 private:
  void find() {
    log_.find_dead_letters(result_.next, request_.upto,
                           [self = shared_from_this()](Result<std::optional<model::Offset>> found) {
                             self->on_found(std::move(found));
                           });
  }

  void on_found(Result<std::optional<model::Offset>> found) {
    if (!found) return fail(std::move(found).error());
    if (!*found) {
      result_.next = request_.upto;
      return finish();
    }
    log_.read({.from = **found, .upto = request_.upto, .bytes_max = kPieceBytes},
              [self = shared_from_this(), from = **found](Result<log::ReadResult> piece) {
                self->on_piece(from, std::move(piece));
              });
  }

  void on_piece(model::Offset from, Result<log::ReadResult> piece) {
    if (!piece) return fail(std::move(piece).error());
    for (log::FramePtr& frame : piece->frames) {
      if (!model::has_dead_letters(frame->payload.span())) continue;
      const std::size_t bytes = frame->payload.size();
      if (!result_.frames.empty() && bytes_ + bytes > request_.bytes_max) {
        result_.next = std::max(result_.next, frame->header.begin.next_offset);
        return finish();
      }
      bytes_ += bytes;
      result_.next = frame->header.end.next_offset;
      result_.frames.push_back(std::move(frame));
    }
    // Of a batch that reaches over `upto` there is nothing to read yet.
    const bool stuck = piece->frames.empty() && piece->next <= from;
    result_.next = std::max(result_.next, piece->next);
    if (stuck || result_.next >= request_.upto || bytes_ >= request_.bytes_max) return finish();
    go();
  }

  void fail(Error error) {
    if (!result_.frames.empty()) return finish();  // the next read meets the error itself
    done_(std::move(error));
  }
  void finish() { done_(std::move(result_)); }

  log::Log& log_;
  const log::ReadRequest request_;
  log::ReadResultDone done_;
  log::ReadResult result_;
  std::size_t bytes_ = 0;
  bool running_ = false, again_ = false;
};

}  // namespace

void read_dead_letters(log::Log& log, const log::ReadRequest& request, log::ReadResultDone done) {
  if (request.from >= request.upto) return done(log::ReadResult{{}, request.from});
  std::make_shared<DeadLetterRead>(log, request, std::move(done))->go();
}

}  // namespace forebay::partition

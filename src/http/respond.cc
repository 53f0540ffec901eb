#include "http/respond.h"

#include <unistd.h>

namespace forebay::http {

void AnswerBox::put(std::uint64_t ticket, Response response) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    entries_.emplace_back(ticket, std::move(response));
  }
  wake();
}

void AnswerBox::wake() {
  const std::uint64_t one = 1;
  static_cast<void>(::write(wake_.get(), &one, sizeof one));
}

std::vector<AnswerBox::Entry> AnswerBox::take() {
  std::uint64_t count = 0;
  static_cast<void>(::read(wake_.get(), &count, sizeof count));
  const std::lock_guard lock(mutex_);
  return std::exchange(entries_, {});
}

void AnswerBox::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  entries_.clear();
}

Respond::Respond(std::shared_ptr<AnswerBox> box, std::uint64_t ticket, Response when_dropped)
    : box_(std::move(box)), ticket_(ticket), when_dropped_(std::move(when_dropped)) {}

Respond::~Respond() {
  if (box_) box_->put(ticket_, std::move(when_dropped_));
}

void Respond::operator()(Response response) {
  if (const auto box = std::exchange(box_, nullptr)) box->put(ticket_, std::move(response));
}

}  // namespace forebay::http

#include "cli/progress.h"

#include <algorithm>

#include "cli/count_text.h"
#include "cli/session.h"
#include "config/units.h"

namespace forebay::cli {
namespace {

std::string amount(std::uint64_t count, const std::string& unit) {
  return unit == Progress::kBytes ? config::format_bytes(count) : count_text(count, unit);
}

}  // namespace

std::string progress_line(std::uint64_t done, std::uint64_t total, const std::string& unit) {
  constexpr std::uint64_t kWidth = 30;
  if (total == 0) return amount(done, unit);
  const std::uint64_t shown = std::min(done, total);
  const auto part = static_cast<double>(shown) / static_cast<double>(total);
  const auto filled = static_cast<std::uint64_t>(part * static_cast<double>(kWidth));
  std::string line = "[";
  line.append(filled, '#');
  line.append(kWidth - filled, '.');
  line += "] " + std::to_string(static_cast<std::uint64_t>(part * 100)) + "% of " + amount(total, unit);
  return line;
}

Progress::Progress(Session& session, std::uint64_t total, std::string unit)
    : session_(session),
      total_(total),
      unit_(std::move(unit)),
      enabled_(session.terminal_errors() && !session.globals().quiet),
      next_draw_(std::chrono::steady_clock::now() + kRedrawEvery) {}

Progress::~Progress() {
  if (drawn_) session_.raw_error("\r\x1b[K");
}

void Progress::update(std::uint64_t done) {
  if (!enabled_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + kRedrawEvery;
  draw(done);
}

void Progress::draw(std::uint64_t done) {
  session_.raw_error("\r" + progress_line(done, total_, unit_) + "\x1b[K");
  drawn_ = true;
}

}  // namespace forebay::cli

#include "log/state_files.h"

#include <algorithm>
#include <utility>

#include "log/segment_io.h"

namespace forebay::log {
namespace {

// One more than is needed: should the last one turn out to be damaged, little is to be read again.
constexpr std::size_t kStatesKept = 2;

Result<void> check_size(const model::TopicPartition& id, const SharedBytes& state) {
  if (state.size() <= kStateBytesMax) return {};
  return Error{ErrorCode::kInvalidArgument,
               "a state of " + std::to_string(state.size()) + " bytes of partition " + id.to_string() +
                   " is larger than the " + std::to_string(kStateBytesMax) + " that a file may have"};
}

}  // namespace

struct StateFiles::Folder {
  io::FileSystem& fs;
  std::string data_dir;
  model::TopicPartition id;

  [[nodiscard]] std::string path() const { return partition_directory(data_dir, id); }
  [[nodiscard]] std::string path_of(const model::LogPosition& position) const {
    return path() + "/" + state_file_name(position);
  }

  // Highest first.
  [[nodiscard]] Result<std::vector<StateFile>> list() const {
    std::vector<StateFile> files;
    auto entries = fs.list(path());
    if (!entries && entries.error().code == ErrorCode::kNotFound) return files;
    if (!entries) return std::move(entries).error();
    for (const io::DirectoryEntry& entry : *entries) {
      if (entry.is_directory) continue;
      // Nobody writes one now. What cannot be removed is tried again.
      if (is_unfinished_state(entry.name)) static_cast<void>(fs.remove_file(path() + "/" + entry.name));
      if (const auto position = parse_state_file_name(entry.name))
        files.push_back({*position, entry.size_bytes});
    }
    std::sort(files.begin(), files.end(),
              [](const StateFile& a, const StateFile& b) { return a.position > b.position; });
    return files;
  }

  // Not synced: a file that comes back with a power cut is what it was, and judged as it was.
  template <typename IsVoid>
  void remove(std::vector<StateFile>& files, IsVoid is_void) const {
    std::erase_if(files, [&](const StateFile& file) {
      return is_void(file) && fs.remove_file(path_of(file.position));
    });
  }

  [[nodiscard]] Outcome write(const StateSnapshot& state) const {
    Outcome out;
    out.done = fs.create_directories(path());
    if (out.done) out.done = io::write_file_atomically(fs, path_of(state.position), encode_state(id, state));
    auto files = list();
    if (!files) return out;
    if (out.done) {
      // Whoever writes a state is no further than this: one above it was of frames that are gone.
      std::size_t below = 0;
      remove(*files, [&](const StateFile& file) {
        return file.position > state.position || (file.position < state.position && ++below >= kStatesKept);
      });
    }
    out.remaining = *std::move(files);
    return out;
  }

  [[nodiscard]] Outcome rewrite(const model::LogPosition& base, StateSnapshot state,
                                const StateMaking& make) const {
    Outcome out;
    auto bytes = made_of(base, make);
    if (!bytes) {
      out.done = std::move(bytes).error();
      return out;
    }
    state.bytes = *std::move(bytes);
    return write(state);
  }

  [[nodiscard]] Result<SharedBytes> made_of(const model::LogPosition& base, const StateMaking& make) const {
    FOREBAY_TRY(std::string file, io::read_file(fs, path_of(base)));
    FOREBAY_TRY(const StateSnapshot state, decode_state(id, SharedBytes::take(std::move(file))));
    FOREBAY_TRY(SharedBytes bytes, make(state.bytes.span()));
    FOREBAY_CHECK(check_size(id, bytes));
    return bytes;
  }

  [[nodiscard]] Result<std::vector<SharedBytes>> read_parts(const model::LogPosition& position,
                                                            const std::vector<StateRange>& parts) const {
    FOREBAY_TRY(const auto file, fs.open(path_of(position), io::OpenMode::kRead, io::Caching::kBuffered));
    std::vector<SharedBytes> read;
    for (const StateRange& part : parts) {
      std::vector<std::byte> bytes(part.end - part.begin);
      FOREBAY_TRY(const std::size_t count, file->read_now(kStateHeaderBytes + part.begin, bytes));
      if (count != bytes.size())
        return Error{ErrorCode::kCorruptBatch, "state file " + path_of(position) + " is shorter than it was"};
      read.push_back(SharedBytes::take(std::move(bytes)));
    }
    return read;
  }

  [[nodiscard]] Outcome read() const {
    Outcome out;
    auto files = list();
    if (!files) {
      out.done = std::move(files).error();
      return out;
    }
    std::erase_if(*files, [&](const StateFile& file) {
      if (out.states.size() == kStatesKept) return false;
      auto state = read_one(file);
      if (state) {
        out.states.push_back(*std::move(state));
        return false;
      }
      if (state.error().code == ErrorCode::kNewerFormat) return false;  // passed over, for whoever reads it
      ++out.damaged;
      return quarantine_damaged(fs, data_dir, id, path_of(file.position)).has_value();
    });
    out.remaining = *std::move(files);
    return out;
  }

  [[nodiscard]] Result<StateSnapshot> read_one(const StateFile& file) const {
    const Error wrong{ErrorCode::kCorruptBatch, "state file of a wrong size or name"};
    if (file.size_bytes > kStateHeaderBytes + kStateBytesMax) return wrong;
    FOREBAY_TRY(std::string bytes, io::read_file(fs, path_of(file.position)));
    FOREBAY_TRY(StateSnapshot state, decode_state(id, SharedBytes::take(std::move(bytes))));
    if (state.position != file.position) return wrong;
    return state;
  }

  [[nodiscard]] Outcome cut(const model::LogPosition& to) const {
    Outcome out;
    auto files = list();
    if (!files) return out;
    remove(*files, [&to](const StateFile& file) { return file.position > to; });
    out.remaining = *std::move(files);
    return out;
  }
};

void StateFiles::write(StateSnapshot state, Log::Done done) {
  if (auto fits = check_size(id_, state.bytes); !fits) return done(std::move(fits));
  add(Write{std::move(state), std::nullopt, nullptr, std::move(done)});
}

void StateFiles::rewrite(const model::LogPosition& base, StateSnapshot head, StateMaking make,
                         Log::Done done) {
  add(Write{std::move(head), base, std::move(make), std::move(done)});
}

void StateFiles::read_parts(const model::LogPosition& position, std::vector<StateRange> parts,
                            StatePartsDone done) {
  if (closed_) return done(*closed_);
  const Folder folder{env_.fs, env_.config.data_dir, id_};
  env_.run_blocking(
      lifetime_, [folder, position, parts = std::move(parts)] { return folder.read_parts(position, parts); },
      [this, done = std::move(done)](Result<std::vector<SharedBytes>> read) mutable {
        if (closed_) return done(*closed_);
        done(std::move(read));
      });
}

void StateFiles::read(StatesDone done) { add(Read{std::move(done)}); }

void StateFiles::cut(const model::LogPosition& to) {
  const bool none_above =
      files_ && waiting_.empty() && !running_ &&
      std::none_of(files_->begin(), files_->end(), [&](const StateFile& file) { return file.position > to; });
  if (!none_above) add(Cut{to});
}

void StateFiles::drop_waiting_writes() {
  std::vector<Task> kept, dropped;
  for (Task& task : waiting_)
    (std::holds_alternative<Write>(task) ? dropped : kept).push_back(std::move(task));
  waiting_ = std::move(kept);
  const Error gone{ErrorCode::kCancelled, "log " + id_.to_string() + " begins anew"};
  for (Task& task : dropped) answer(std::move(task), Outcome{gone, {}, 0, {}});
}

void StateFiles::seen(const std::vector<StateFile>& files) {
  if (!files_ && !running_) files_ = files;
}

void StateFiles::close(const Error& reason) {
  if (closed_) return;
  closed_ = reason;
  auto waiting = std::exchange(waiting_, {});
  if (running_) waiting.insert(waiting.begin(), *std::exchange(running_, std::nullopt));
  for (Task& task : waiting) answer(std::move(task), Outcome{reason, {}, 0, {}});
}

std::uint64_t StateFiles::disk_bytes() const {
  std::uint64_t bytes = 0;
  if (!files_) return bytes;
  for (const StateFile& file : *files_) bytes += file.size_bytes;
  return bytes;
}

void StateFiles::add(Task task) {
  if (closed_) return answer(std::move(task), Outcome{*closed_, {}, 0, {}});
  waiting_.push_back(std::move(task));
  if (!running_) begin_next();
}

void StateFiles::begin_next() {
  if (waiting_.empty()) return;
  running_ = std::move(waiting_.front());
  waiting_.erase(waiting_.begin());
  Folder folder{env_.fs, env_.config.data_dir, id_};
  const auto then = [this](Outcome outcome) { ended(std::move(outcome)); };
  if (const auto* write = std::get_if<Write>(&*running_); write != nullptr && write->base) {
    env_.run_blocking(
        lifetime_,
        [folder, base = *write->base, state = write->state, make = write->make] {
          return folder.rewrite(base, state, make);
        },
        then);
  } else if (write != nullptr) {
    env_.run_blocking(
        lifetime_, [folder, state = write->state] { return folder.write(state); }, then);
  } else if (const auto* cut = std::get_if<Cut>(&*running_)) {
    env_.run_blocking(
        lifetime_, [folder, to = cut->to] { return folder.cut(to); }, then);
  } else {
    env_.run_blocking(
        lifetime_, [folder] { return folder.read(); }, then);
  }
}

void StateFiles::ended(Outcome outcome) {
  env_.stats.damaged_states += outcome.damaged;
  if (outcome.remaining) files_ = *outcome.remaining;
  if (closed_) return;  // it was answered
  Task task = *std::exchange(running_, std::nullopt);
  if (std::holds_alternative<Write>(task) && outcome.done) ++env_.stats.states_written;
  // What waits comes after the answer: who hears that his state is durable finds it kept, whatever he does.
  auto next = lifetime_.guard([this] {
    if (!running_) begin_next();
  });
  answer(std::move(task), std::move(outcome));
  next();
}

// Whoever is answered may end the log.
void StateFiles::answer(Task task, Outcome outcome) {
  if (auto* write = std::get_if<Write>(&task)) return write->done(std::move(outcome.done));
  if (auto* read = std::get_if<Read>(&task)) {
    if (!outcome.done) return read->done(std::move(outcome.done).error());
    read->done(std::move(outcome.states));
  }
}

}  // namespace forebay::log

#include "cli/log_accept.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <utility>

#include "cli/log_files.h"
#include "cli/log_input.h"
#include "cli/time_text.h"
#include "io/real_file_system.h"
#include "log/acceptance.h"
#include "log/segment_io.h"
#include "runtime/shard.h"
#include "runtime/system_clock.h"

namespace forebay::cli {
namespace {

// Its folder may have no name, and may not be there at all.
constexpr std::string_view kMetadataTopicId = "00000000-0000-0000-0000-000000000001";

// Of what is being decided, the ranges that are shown.
FoundLoss shown(const std::string& data_dir, const log::Loss& loss) {
  FoundLoss found;
  found.topic_id = loss.id.topic.to_string();
  found.topic = topic_name(data_dir, loss.id.topic);
  if (found.topic_id == kMetadataTopicId) found.topic = "__cluster";
  if (found.topic.empty()) found.topic = found.topic_id;
  found.partition = loss.id.partition.value();
  found.kind = log::loss_kind_name(loss.kind);
  found.what = log::describe(loss);
  found.begin = loss.begin.next_offset.value();
  if (loss.kind == log::LossKind::kRange) found.end = loss.end.next_offset.value();
  return found;
}

void add_others(std::set<std::uint32_t>& others, const log::Membership& members, const model::Uuid& self) {
  for (const auto* list : {&members.voters, &members.next_voters, &members.learners}) {
    for (const log::Voter& member : *list) {
      if (member.disk != self) others.insert(member.node.value());
    }
  }
}

// The nodes that have the metadata too. Where its log no longer says, those that any other partition here is
// shared with: a node of a cluster has its metadata from there.
std::set<std::uint32_t> other_nodes_with_metadata(const log::Memberships& all, const model::Uuid& self) {
  std::set<std::uint32_t> others;
  for (const auto& [id, members] : all) {
    if (id.topic.to_string() == kMetadataTopicId) {
      add_others(others, members, self);
      return others;
    }
  }
  for (const auto& [id, members] : all) add_others(others, members, self);
  return others;
}

// Metadata that one of several nodes makes do without would differ from what the others decided.
std::string why_not_here(const std::set<std::uint32_t>& others) {
  std::string nodes;
  for (const std::uint32_t node : others) nodes += (nodes.empty() ? "" : ", ") + std::to_string(node);
  return "topic __cluster has replicas on other nodes too (" + nodes +
         "), and what is lost here they still have. Start this node with the others running: it is repaired "
         "from them. If it is not, stop it, move its data directory away and start it empty: it joins again "
         "and gets everything anew";
}

std::string user_name() {
  const passwd* user = ::getpwuid(::geteuid());
  return user != nullptr ? user->pw_name : std::to_string(::geteuid());
}

// One JSON object a line.
std::string audit_line(const FoundLoss& loss, model::Timestamp now) {
  Value line = Value::object();
  line.set("time", iso_ms(now.value()))
      .set("user", user_name())
      .set("uid", static_cast<std::uint32_t>(::getuid()));
  if (const char* before_sudo = std::getenv("SUDO_USER"); before_sudo != nullptr)
    line.set("sudo_user", before_sudo);
  line.set("verb", "log accept-loss");
  set_loss(line, loss);
  std::string text;
  line.append_json(text, -1);
  return text + '\n';
}

// New files would be the caller's, and the daemon could not write them.
Result<void> check_owner(const std::string& data_dir) {
  struct stat status {};
  if (::stat(data_dir.c_str(), &status) != 0 || status.st_uid == ::geteuid()) return {};
  const passwd* owner = ::getpwuid(status.st_uid);
  const std::string name = owner != nullptr ? owner->pw_name : std::to_string(status.st_uid);
  return Error{ErrorCode::kFailedPrecondition, data_dir + " belongs to user " + name +
                                                   "; run this as that user: sudo -u " + name +
                                                   " forebay log accept-loss ..."};
}

// Blocking calls on the files of a data directory.
struct BlockingFiles {
  [[nodiscard]] Result<void> open() {
    FOREBAY_TRY(fs,
                io::make_real_file_system(shard, io::IoEngine{.uring = false, .direct = false, .why = {}}));
    return {};
  }
  runtime::Shard shard{"log-files"};  // never started
  std::unique_ptr<io::FileSystem> fs;
};

}  // namespace

void set_loss(Value& object, const FoundLoss& loss) {
  object.set("topic", loss.topic)
      .set("topic_id", loss.topic_id)
      .set("partition", loss.partition)
      .set("kind", loss.kind)
      .set("begin", loss.begin)
      .set("end", loss.end)
      .set("what", loss.what);
}

Result<std::vector<log::Loss>> find_open_losses(const std::string& data_dir) {
  BlockingFiles files;
  FOREBAY_CHECK(files.open());
  FOREBAY_TRY(const log::RecoveryOptions options, log::options_in_force(*files.fs, data_dir));
  return log::find_losses(*files.fs, options);
}

struct DirectoryLosses::Opened {
  BlockingFiles files;
  runtime::SystemRng rng;
  runtime::SystemWallClock clock;
  log::DataDirectory directory;
  log::RecoveryOptions options;
  std::vector<log::Loss> losses;
};

DirectoryLosses::DirectoryLosses(std::unique_ptr<Opened> opened) : opened_(std::move(opened)) {}
DirectoryLosses::DirectoryLosses(DirectoryLosses&& other) noexcept = default;
DirectoryLosses::~DirectoryLosses() = default;

Result<DirectoryLosses> DirectoryLosses::open(const std::string& data_dir) {
  FOREBAY_TRY(const LogPath kind, recognise_log_path(data_dir));
  if (kind != LogPath::kDataDirectory)
    return Error{ErrorCode::kInvalidArgument, data_dir + " is a file; name the data directory"};
  FOREBAY_CHECK(check_owner(data_dir));
  auto opened = std::make_unique<Opened>();
  FOREBAY_CHECK(opened->files.open());
  auto directory = log::open_data_directory(*opened->files.fs, data_dir, opened->rng);
  if (!directory && directory.error().code == ErrorCode::kLocked)
    return Error{ErrorCode::kLocked, data_dir + " is in use by a daemon: stop it first"};
  FOREBAY_TRY(opened->directory, std::move(directory));
  FOREBAY_TRY(opened->options, log::options_in_force(*opened->files.fs, data_dir));
  FOREBAY_TRY(opened->losses, log::find_losses(*opened->files.fs, opened->options));
  DirectoryLosses result(std::move(opened));
  FOREBAY_TRY(const auto memberships,
              log::find_memberships(*result.opened_->files.fs, result.opened_->options));
  const auto others = other_nodes_with_metadata(memberships, result.opened_->directory.identity.disk);
  for (const log::Loss& loss : result.opened_->losses) {
    FoundLoss& found = result.found_.emplace_back(shown(data_dir, loss));
    if (found.topic_id == kMetadataTopicId && !others.empty()) found.refusal = why_not_here(others);
  }
  return result;
}

Result<std::size_t> DirectoryLosses::accept(const std::vector<std::size_t>& chosen) {
  const model::Timestamp now = opened_->clock.now();
  std::vector<log::Loss> losses;
  std::string audit;
  for (const std::size_t index : chosen) {
    losses.push_back(opened_->losses.at(index));
    audit += audit_line(found_.at(index), now);
  }
  opened_->options.wall_now = now;
  FOREBAY_TRY(const auto open, log::accept_losses(*opened_->files.fs, opened_->rng, opened_->options,
                                                  std::move(losses), audit));
  return open.size();
}

}  // namespace forebay::cli

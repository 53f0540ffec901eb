#include <stdlib.h>

#include <filesystem>
#include <future>

#include "base/assert.h"
#include "contract_environment.h"
#include "io/real_file_system.h"
#include "runtime/shard.h"

namespace forebay::io {

namespace {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "forebay-test-XXXXXX").string();
    FOREBAY_ASSERT(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class RealEnvironment final : public ContractEnvironment {
 public:
  [[nodiscard]] static std::unique_ptr<ContractEnvironment> make(IoEngine wanted, const IoLimits& limits) {
    auto environment = std::make_unique<RealEnvironment>();
    const auto found =
        probe_io_engine(environment->root(), wanted.uring ? EngineChoice::kAuto : EngineChoice::kPosix,
                        wanted.direct ? DirectChoice::kAuto : DirectChoice::kNever);
    FOREBAY_ASSERT(found.has_value());
    if (found->uring != wanted.uring || found->direct != wanted.direct) return nullptr;
    environment->file_system_ = make_real_file_system(environment->shard_, *found, limits).value();
    environment->shard_.start();
    return environment;
  }
  ~RealEnvironment() override { shard_.stop_and_join(); }

  FileSystem& file_system() override { return *file_system_; }
  std::string root() const override { return directory_.path(); }
  void run(std::function<void(std::function<void()>)> start) override {
    std::promise<void> done;
    shard_.post([&] { start([&done] { done.set_value(); }); });
    done.get_future().wait();
  }

 private:
  TemporaryDirectory directory_;
  runtime::Shard shard_{"test"};
  std::unique_ptr<FileSystem> file_system_;
};

}  // namespace

std::vector<ContractCase> real_cases() {
  std::vector<ContractCase> cases;
  for (const bool uring : {true, false}) {
    for (const bool direct : {true, false}) {
      const std::string name = std::string(uring ? "Uring" : "Threads") + (direct ? "Direct" : "PageCache");
      const IoEngine engine{uring, direct, {}};
      cases.push_back({name, [engine] { return RealEnvironment::make(engine, {}); }});
      // Every transfer of more than two blocks takes several calls, and nearly every operation waits for
      // others.
      const IoLimits tiny{.ring_entries = 4, .helper_threads = 1, .transfer_bytes_max = 2 * kBlockBytes};
      cases.push_back({name + "TinyLimits", [engine, tiny] { return RealEnvironment::make(engine, tiny); }});
    }
  }
  return cases;
}

}  // namespace forebay::io

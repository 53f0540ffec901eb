#include "base/assert.h"
#include "contract_environment.h"
#include "sim/sim_machine.h"

namespace forebay::io {

namespace {

class SimulatedEnvironment final : public ContractEnvironment {
 public:
  FileSystem& file_system() override { return machine_.file_system(); }
  std::string root() const override { return "/"; }
  void run(std::function<void(std::function<void()>)> start) override {
    bool finished = false;
    machine_.executor().post([&] { start([&finished] { finished = true; }); });
    FOREBAY_ASSERT(machine_.scheduler().run_until([&finished] { return finished; }));
  }

 private:
  sim::SimMachine machine_{1};
};

}  // namespace

ContractCase simulated_case() {
  return {"Disk", [] { return std::make_unique<SimulatedEnvironment>(); }};
}

}  // namespace forebay::io

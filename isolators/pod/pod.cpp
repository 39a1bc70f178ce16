#include "isolators/pod/pod.h"

#include <sched.h>

#include <string>
#include <utility>
#include <vector>

#include "isolators/network/etc_files.h"
#include "isolators/refusal.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kName = "pod";

class PodIsolator final : public Isolator {
 public:
  explicit PodIsolator(PodProvider& provider) : provider_(provider) {}

  std::string_view name() const override { return kName; }
  // The root is where /etc is looked up, and /dev is where /dev/shm lies.
  std::vector<std::string_view> after() const override { return {"filesystem"}; }

  // In a shared pid namespace the pod's other containers can stop a process before it is its
  // program.
  std::vector<std::string> foreign_code(const ContainerConfig& config) const override {
    if (!config.pod || !config.pod->shares_pid) return {};
    return {"pod/" + config.pod->uid.str()};
  }
  std::vector<std::string> foreign_code(const Checkpoint& /*checkpoint*/) const override {
    return {};
  }

  Result<> validate(const ContainerConfig& /*config*/,
                    const os::HostFacts& /*host*/) const override {
    return {};
  }

  Result<Checkpoint> prepare(const PrepareContext& context) override {
    if (!context.config.pod) return nothing_to_remember(kName);
    const JoinedPod& pod = *context.config.pod;
    PlanBuilder& plan = context.plan;
    TRY_ASSIGN(PodNamespaces shared, provider_.open(pod));
    if (pod.has_etc) TRY(bind_etc_files(plan, pod.scratch));
    join(plan, std::move(shared.net), CLONE_NEWNET);
    join(plan, std::move(shared.ipc), CLONE_NEWIPC);
    join(plan, std::move(shared.uts), CLONE_NEWUTS);
    if (pod.shares_pid) plan.plan().join_pid_namespace = plan.add_fd(std::move(shared.init));
    if (shared.shared_memory) {
      plan.add(Phase::kPseudo,
               plan::AttachMount{.fd = plan.add_fd(std::move(shared.shared_memory)),
                                 .target = "/dev/shm",
                                 .create = plan::TargetKind::kDirectory});
    }
    return nothing_to_remember(kName);
  }

 private:
  static void join(PlanBuilder& plan, UniqueFd fd, std::uint64_t kind) {
    if (!fd) return;
    plan.add(Phase::kNamespaces,
             plan::JoinNamespace{.fd = plan.add_fd(std::move(fd)), .kind = kind});
  }

  PodProvider& provider_;
};

}  // namespace

std::unique_ptr<Isolator> make_pod_isolator(PodProvider& provider) {
  return std::make_unique<PodIsolator>(provider);
}

}  // namespace skerry::isolators

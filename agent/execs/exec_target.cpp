#include "agent/execs/exec_target.h"

#include <utility>

namespace skerry::agent {
namespace {

class ExecTarget final : public AttachTarget {
 public:
  ExecTarget(ExecManager& execs, const Exec& exec)
      : execs_(execs), uid_(exec.uid), terminal_(exec.api().spec().has_terminal()) {
    ref_.set_uid(uid_.str());
  }
  ExecTarget(const ExecTarget&) = delete;
  ExecTarget& operator=(const ExecTarget&) = delete;
  ~ExecTarget() override {
    if (!left_) execs_.detach(uid_, Leaving::kLost);
  }

  std::optional<OutputPiece> take() override {
    Exec* exec = execs_.find(uid_);
    if (exec == nullptr) return std::nullopt;
    return exec->output.take();
  }

  std::optional<Result<skerry::v1::ExitInfo>> ended() override {
    Exec* exec = execs_.find(uid_);
    if (exec == nullptr) {
      return Error(Code::kNotFound, "the exec is gone").with_reason("EXEC_NOT_FOUND");
    }
    if (!exec->exited()) return std::nullopt;
    const bool discards = exec->api().spec().output() == skerry::v1::EXEC_OUTPUT_DISCARD;
    if (!discards && !exec->output.done()) return std::nullopt;
    return exec->api().exit();
  }

  Result<> resize(const TerminalSize& size) override { return execs_.resize(ref_, size); }
  void open_stdin(std::function<void(Result<UniqueFd>)> done) override {
    execs_.open_stdin(uid_, std::move(done));
  }
  void close_stdin() override { execs_.close_stdin(uid_); }
  bool has_terminal() const override { return terminal_; }

  void detach() override {
    if (!std::exchange(left_, true)) execs_.detach(uid_, Leaving::kDetached);
  }

 private:
  ExecManager& execs_;
  Uid uid_;
  skerry::v1::ExecRef ref_;
  bool terminal_;
  bool left_ = false;
};

}  // namespace

Result<std::unique_ptr<AttachTarget>> attach_to_exec(ExecManager& execs,
                                                     const skerry::v1::ExecRef& ref,
                                                     std::function<void()> on_ready) {
  TRY_ASSIGN(const Exec* exec, execs.find(ref));
  TRY(execs.attach(exec->uid, std::move(on_ready)));
  return std::unique_ptr<AttachTarget>(std::make_unique<ExecTarget>(execs, *exec));
}

}  // namespace skerry::agent

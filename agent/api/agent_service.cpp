#include "agent/api/agent_service.h"

#include <fcntl.h>
#include <sys/utsname.h>

#include <algorithm>
#include <set>

#include "agent/api/agent_answers.h"
#include "agent/api/state_entries.h"
#include "agent/api/unary_call.h"
#include "agent/config/entries.h"
#include "agent/images/image_desk.h"
#include "agent/recovery/leaks.h"
#include "os/path.h"
#include "plan/codec.h"

namespace skerry::agent {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using Call = std::shared_ptr<PendingCall>;

std::string architecture() {
  utsname names{};
  return ::uname(&names) == 0 ? names.machine : "";
}

Error no_plan(const Uid& uid) {
  return Error(Code::kNotFound, "container \"" + uid.str() + "\" has no plan now")
      .with_reason("PLAN_NOT_FOUND")
      .with_object("container " + uid.str());
}

// Thread: worker.
Result<std::string> read_plan(const Directories& directories, const Uid& uid) {
  auto file =
      os::open_beneath(directories.run_containers.get(), uid.str() + "/plan", O_RDONLY | O_CLOEXEC);
  if (!file && file.error().sys_errno() == ENOENT) return no_plan(uid);
  if (!file) return std::move(file).error();
  TRY_ASSIGN(const std::string bytes, os::read_file(file->get(), plan::kMaxPlanBytes));
  const auto* begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
  auto decoded = plan::decode({begin, bytes.size()});
  // INVALID_ARGUMENT would blame the caller.
  if (!decoded) return std::move(decoded).error().with_code(Code::kDataLoss);
  return plan::print(*decoded);
}

// Runs `work` on a worker; what it does not take is answered here.
void on_worker(ApiContext& context, const Call& call, runtime::Task work) {
  const auto submitted = context.workers.submit(std::move(work));
  if (!submitted) call->finish(to_status(submitted.error()), [] {});
}

template <class Response>
void answer(const Call& call, Response* response, Response& filled) {
  call->finish(grpc::Status::OK, [&] { response->Swap(&filled); });
}

std::set<std::string> standby_uids(const ApiContext& context) {
  return context.standby == nullptr ? std::set<std::string>() : context.standby->uids();
}

}  // namespace

ServerUnaryReactor* AgentServiceImpl::GetAgent(CallbackServerContext*,
                                               const skerry::v1::GetAgentRequest*,
                                               skerry::v1::GetAgentResponse* response) {
  skerry::v1::GetAgentResponse agent;
  agent.set_name(context_.config.name);
  agent.set_version(context_.version);
  *agent.mutable_started_at() = to_timestamp(context_.started_at);
  fill_host(context_.host.facts, architecture(), *agent.mutable_host());
  for (const std::string& word : feature_words(context_.host.facts)) agent.add_features(word);
  fill_use(*context_.board.current(), *agent.mutable_use());
  agent.set_root_directory(context_.config.root.string());
  agent.set_run_directory(context_.config.run.string());
  auto* call = new UnaryCall();
  context_.reactor.post(
      [this, response, pending = call->pending(), agent = std::move(agent)]() mutable {
        agent.mutable_use()->set_images(static_cast<std::uint32_t>(context_.images.count()));
        answer(pending, response, agent);
      });
  return call;
}

ServerUnaryReactor* AgentServiceImpl::ListOperations(CallbackServerContext* call,
                                                     const skerry::v1::ListOperationsRequest*,
                                                     skerry::v1::ListOperationsResponse* response) {
  const WallTime now = context_.clock.wall();
  for (const operations::OperationInfo& info : context_.operations.snapshot()) {
    fill_operation(info, now, *response->add_operations());
  }
  return answer_now(call, {});
}

ServerUnaryReactor* AgentServiceImpl::ListDebts(CallbackServerContext* call,
                                                const skerry::v1::ListDebtsRequest*,
                                                skerry::v1::ListDebtsResponse* response) {
  std::vector<store::DebtRow> debts = *context_.debts.list();
  std::ranges::stable_sort(debts, {}, &store::DebtRow::created);
  for (const store::DebtRow& row : debts) fill_debt(row, *response->add_debts());
  return answer_now(call, {});
}

ServerUnaryReactor* AgentServiceImpl::GetConfig(CallbackServerContext* call,
                                                const skerry::v1::GetConfigRequest*,
                                                skerry::v1::GetConfigResponse* response) {
  for (const config::Entry& entry : config::entries(context_.config)) {
    skerry::v1::ConfigEntry& out = *response->add_entries();
    out.set_key(entry.key);
    out.set_value(entry.value);
    out.set_origin(entry.origin);
  }
  return answer_now(call, {});
}

ServerUnaryReactor* AgentServiceImpl::GetPlan(CallbackServerContext*,
                                              const skerry::v1::GetPlanRequest* request,
                                              skerry::v1::GetPlanResponse* response) {
  auto* call = new UnaryCall();
  context_.reactor.post([this, ref = request->container(), response, pending = call->pending()] {
    const auto found = context_.containers.find(ref);
    if (!found) return pending->finish(to_status(found.error()), [] {});
    on_worker(context_, pending, [this, uid = (*found)->uid, response, pending] {
      const auto text = read_plan(context_.host.directories, uid);
      if (!text) return pending->finish(to_status(text.error()), [] {});
      pending->finish(grpc::Status::OK, [&] { response->set_text(*text); });
    });
  });
  return call;
}

ServerUnaryReactor* AgentServiceImpl::ListLeaks(CallbackServerContext*,
                                                const skerry::v1::ListLeaksRequest*,
                                                skerry::v1::ListLeaksResponse* response) {
  auto* call = new UnaryCall();
  on_worker(context_, call->pending(), [this, response, pending = call->pending()] {
    skerry::v1::ListLeaksResponse leaks;
    std::set<std::string> being_deleted = context_.containers.trash().pending();
    for (const store::DebtRow& debt : *context_.debts.list()) being_deleted.insert(debt.key);
    for (const Leak& leak : find_leaks(context_.host,
                                       *context_.board.current(),
                                       *context_.exec_board.current(),
                                       context_.pod_board.current(),
                                       being_deleted,
                                       standby_uids(context_))) {
      skerry::v1::Leak& out = *leaks.add_leaks();
      out.set_kind(leak.kind);
      out.set_object(leak.object);
      out.set_uid(leak.uid);
      out.set_detail(leak.detail);
    }
    answer(pending, response, leaks);
  });
  return call;
}

ServerUnaryReactor* AgentServiceImpl::GetState(CallbackServerContext*,
                                               const skerry::v1::GetStateRequest* request,
                                               skerry::v1::GetStateResponse* response) {
  auto* call = new UnaryCall();
  context_.reactor.post([this, ref = request->container(), response, pending = call->pending()] {
    const auto found = context_.containers.find(ref);
    if (!found) return pending->finish(to_status(found.error()), [] {});
    const Container& container = **found;
    const std::string& uid = container.uid.str();
    skerry::v1::GetStateResponse state;
    *state.mutable_container() = container.api();
    add_record_entries(container.record, state);
    add_memory_entries(container, state);
    add_journal_entries(context_.operations.snapshot(), uid, state);
    add_debt_entries(*context_.debts.list(), uid, state);
    on_worker(context_,
              pending,
              [this, id = container.uid, response, pending, state = std::move(state)]() mutable {
                add_exit_entries(read_recorded_exit(context_.host.directories, id), state);
                answer(pending, response, state);
              });
  });
  return call;
}

}  // namespace skerry::agent

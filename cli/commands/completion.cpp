// completion: the scripts for shells. They ask the hidden command __complete (see complete.h), so
// that all knowledge is in one place.
#include <memory>
#include <string>
#include <string_view>

#include <CLI/App.hpp>

#include "cli/command.h"
#include "cli/commands/commands.h"

namespace skerry::cli {
namespace {

constexpr std::string_view kBash =
    R"(# bash completion for skerry: skerry completion bash > /etc/bash_completion.d/skerry
_skerry() {
  local line="${COMP_LINE:0:COMP_POINT}" candidate
  local -a words
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  local current="${words[-1]}"
  # What bash takes for the word begins after the last ":" or "=".
  local cut="${current%"${current##*[:=]}"}"
  [[ ${COMP_WORDBREAKS} == *:* ]] || cut=""
  COMPREPLY=()
  while IFS= read -r candidate; do
    case "$candidate" in
      :files)
        compopt -o filenames
        while IFS= read -r candidate; do
          COMPREPLY+=("$candidate")
        done < <(compgen -f -- "${current#"$cut"}")
        ;;
      *)
        candidate="${candidate%%$'\t'*}"
        [[ $candidate == *[:=] ]] && compopt -o nospace
        COMPREPLY+=("${candidate#"$cut"}")
        ;;
    esac
  done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _skerry skerry
)";

constexpr std::string_view kZsh = R"(#compdef skerry
# zsh completion for skerry: skerry completion zsh > /usr/share/zsh/vendor-completions/_skerry
_skerry() {
  local line files=0
  local -a values
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      files=1
    else
      # In the list a ":" parts value and description.
      values+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    fi
  done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  (( ${#values} )) && _describe -V skerry values
  (( files )) && _files
  return 0
}
if [[ ${funcstack[1]} == _skerry ]]; then
  _skerry "$@"
else
  compdef _skerry skerry
fi
)";

constexpr std::string_view kFish =
    R"(# fish completion for skerry: skerry completion fish > ~/.config/fish/completions/skerry.fish
function __skerry_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    if test "$line" = ":files"
      __fish_complete_path "$current"
    else
      echo $line
    end
  end
end
complete -c skerry -f -a '(__skerry_complete)'
)";

}  // namespace

void configure_completion(CLI::App& app, Invocation& invocation) {
  auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check([](const std::string& word) {
        return word == "bash" || word == "zsh" || word == "fish" ? std::string()
                                                                 : "SHELL is bash, zsh or fish";
      });
  add_examples(app,
               {"source <(skerry completion bash)",
                "skerry completion zsh > /usr/share/zsh/vendor-completions/_skerry",
                "skerry completion fish > ~/.config/fish/completions/skerry.fish"});
  invocation.action = [shell](const Client& /*client*/) -> Result<int> {
    print(*shell == "bash" ? kBash : *shell == "zsh" ? kZsh : kFish);
    return kExitOk;
  };
}

}  // namespace skerry::cli

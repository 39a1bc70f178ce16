// A plugin of clang-tidy with one check that finds nothing and makes the others look at our code
// only. clang-tidy 16 matches every check against all that a source includes, the standard library
// and gRPC among it, to throw away what it finds there: that is most of its time.
#include <clang-tidy/ClangTidyCheck.h>
#include <clang-tidy/ClangTidyModule.h>
#include <clang-tidy/ClangTidyModuleRegistry.h>
#include <clang/AST/ASTContext.h>
#include <clang/ASTMatchers/ASTMatchers.h>

namespace skerry::tidy {
namespace {

bool is_ours(const clang::Decl& decl, const clang::SourceManager& sources) {
  const clang::SourceLocation place = sources.getExpansionLoc(decl.getLocation());
  return place.isValid() && !sources.isInSystemHeader(place) &&
         !sources.getFilename(place).endswith(".pb.h");
}

// The unit as a whole is matched before what is in it, and what is in it is taken from the scope.
class OurCodeOnly final : public clang::tidy::ClangTidyCheck {
 public:
  using ClangTidyCheck::ClangTidyCheck;

  void registerMatchers(clang::ast_matchers::MatchFinder* finder) override {
    finder->addMatcher(clang::ast_matchers::translationUnitDecl(), this);
  }

  void check(const clang::ast_matchers::MatchFinder::MatchResult& unit) override {
    std::vector<clang::Decl*> scope;
    for (clang::Decl* decl : unit.Context->getTranslationUnitDecl()->decls()) {
      if (is_ours(*decl, *unit.SourceManager)) scope.push_back(decl);
    }
    unit.Context->setTraversalScope(scope);
  }
};

class Module final : public clang::tidy::ClangTidyModule {
 public:
  void addCheckFactories(clang::tidy::ClangTidyCheckFactories& checks) override {
    checks.registerCheck<OurCodeOnly>("skerry-our-code-only");
  }
};

const clang::tidy::ClangTidyModuleRegistry::Add<Module> kAdded("skerry", "Skerry's own");

}  // namespace
}  // namespace skerry::tidy

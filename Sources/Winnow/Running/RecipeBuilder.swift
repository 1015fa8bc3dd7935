public import WinnowPasses

extension Recipe {
    /// A recipe of the passes and saves that `steps` lists; conditions, loops and other recipes may stand among them.
    public init(@RecipeBuilder _ steps: () throws -> [Step]) rethrows { self.steps = try steps() }
}

/// A step that writes the model as it is there beside the output, and measures it in the report.
public struct Save: Sendable {
    let step: Recipe.Step

    /// - Parameter name: a plain file name; `.onnx` is added where it is missing. Running throws `.recipe` for any other.
    public init(_ name: String) { step = .save(name.hasSuffix(".onnx") ? name : name + ".onnx") }
}

/// Puts the steps of a `Recipe` together.
@resultBuilder
public enum RecipeBuilder {
    public static func buildExpression(_ pass: any Pass) -> [Recipe.Step] { [.pass(PassStep(pass))] }
    public static func buildExpression(_ step: PassStep) -> [Recipe.Step] { [.pass(step)] }
    public static func buildExpression(_ save: Save) -> [Recipe.Step] { [save.step] }
    public static func buildExpression(_ recipe: Recipe) -> [Recipe.Step] { recipe.steps }

    public static func buildBlock(_ parts: [Recipe.Step]...) -> [Recipe.Step] { parts.flatMap { $0 } }
    public static func buildOptional(_ part: [Recipe.Step]?) -> [Recipe.Step] { part ?? [] }
    public static func buildEither(first part: [Recipe.Step]) -> [Recipe.Step] { part }
    public static func buildEither(second part: [Recipe.Step]) -> [Recipe.Step] { part }
    public static func buildArray(_ parts: [[Recipe.Step]]) -> [Recipe.Step] { parts.flatMap { $0 } }
}

/**
 * A plugin of TypeDoc for what the sources say already, and doc comments need not repeat: what a name is for is told by its
 * file, and a property of a class is told by the option or argument of its constructor that has its name. And a second form of
 * the reference, for the package: as Markdown, without the README and the guides, which are in the package as they are.
 */
import {
  Comment,
  CommentTag,
  Converter,
  FileRegistry,
  ParameterReflection,
  ReflectionFlag,
  ReflectionKind,
} from 'typedoc';

/** Categories: the first whose pattern a source file matches. Their order on a page is in typedoc.json. */
const CATEGORIES = [
  ['Model', /\/(models|training|interchange)\//],
  ['Sweeps', /\/sweep\//],
  ['Layers', /\/nn\/(layers\/|initializers\.ts$|regularizers\.ts$)/],
  ['Losses and metrics', /\/nn\/(losses|rareLosses|metrics|rareMetrics|confusionMatrix|valueRules)\.ts$/],
  ['Optimizers', /\/nn\/optimizers/],
  ['Callbacks', /\/(callbacks|tensorboard)\/|\/io\/state\.ts$/],
  ['Tensors and gradients', /\/(tensor|ops)\/|\/base\/(shape|dtype)\.ts$/],
  ['Data', /\/datasets\//],
  ['Pictures', /\/pictures\//],
  ['Files', /\/io\//],
  ['Device', /\/(runtime|platform)\/|\/compiler\/limits\.ts$/],
  ['Errors', /\/errors\.ts$/],
  ['Graph and kernels', /\/(ir|wgsl)\//],
];

export function load(app) {
  function categorise(project, reflection) {
    const file = project.getSymbolIdFromReflection(reflection)?.packagePath ?? '';
    const found = CATEGORIES.find(([, pattern]) => pattern.test(file));
    if (found === undefined || reflection.isReference()) return;
    // A function's comment is that of its signature.
    const described = reflection.signatures?.[0] ?? reflection;
    described.comment ??= new Comment();
    described.comment.blockTags.push(new CommentTag('@category', [{ kind: 'text', text: found[0] }]));
  }

  /** Named things that a type consists of: the properties of an interface, or of several that are joined. */
  const propertiesOf = (type) => {
    if (type?.type === 'intersection') return type.types.flatMap(propertiesOf);
    return (type?.type === 'reflection' ? type.declaration : type?.reflection)?.children ?? [];
  };

  function describeProperties(owner) {
    const made = owner.children.find(({ kind }) => kind === ReflectionKind.Constructor);
    const parameters = made?.signatures?.[0]?.parameters ?? [];
    const told = [...parameters, ...parameters.flatMap(({ type }) => propertiesOf(type))];
    for (const property of owner.children) {
      const described = property.getSignature ?? property;
      if (described.hasComment()) continue;
      const comment = told.find(({ name, comment }) => name === property.name && comment !== undefined)?.comment;
      if (comment !== undefined) described.comment = comment.clone();
    }
  }

  /** Parameters that TypeScript infers as one list, as those of tensors' operations, become single ones again. */
  function spreadParameters(project, signature) {
    const rest = signature.parameters?.at(-1);
    if (!rest?.flags.isRest || rest.type?.type !== 'tuple') return;
    const own = rest.type.elements.map((element) => {
      const parameter = new ParameterReflection(element.name, ReflectionKind.Parameter, signature);
      parameter.type = element.element;
      parameter.setFlag(ReflectionFlag.Optional, element.isOptional);
      project.registerReflection(parameter);
      return parameter;
    });
    signature.parameters.splice(-1, 1, ...own);
  }

  app.outputs.addOutput('reference', async (path, project) => {
    for (const document of [...(project.documents ?? [])]) project.removeReflection(document);
    project.groups = project.groups?.filter(({ children }) => children.length > 0);
    project.readme = undefined;
    project.files = new FileRegistry();
    await app.outputs.writeOutput({ name: 'markdown', path }, project);
  });

  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      for (const reflection of module.children ?? []) categorise(project, reflection);
    }
  });
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    project.getReflectionsByKind(ReflectionKind.Class).forEach(describeProperties);
    for (const signature of project.getReflectionsByKind(ReflectionKind.CallSignature)) {
      spreadParameters(project, signature);
    }
  });
}

// What changes from step to step. One small uniform buffer holds a row of these, one for every step of a submission, and
// each dispatch finds its own through a dynamic offset. The host writes them; see src/runtime/step.ts.

struct Step {
  seed: u32,           // of every random draw
  step: u32,           // optimizer steps taken so far
  position: u32,       // first example of the batch within the epoch's order
  reserved: u32,
  rates: vec4f,        // the optimizer's step sizes, bias correction included
}
@group(1) @binding(0) var<uniform> step: Step;

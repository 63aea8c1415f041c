// Compiles compute shaders with the Vulkan driver at hand and tells what the driver says of them.
//
//   pipelineReport FILE.spirv...
//
// One JSON object a line, in the order of the files: {"file", "subgroupSize", "threads", "statistics", "assembly"}, or
// {"file", "error"}.
// Which driver: VK_DRIVER_FILES. For which GPU, with Mesa's RADV: RADV_FORCE_FAMILY. Pipelines are made as Dawn makes them,
// with bindings as the shader declares them and bounds checked by the driver (robustBufferAccess2).
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

#define MOST_SETS 4
#define MOST_TEXTS 16
#define MOST_STATISTICS 64

// The part of SPIR-V that says what a shader binds: https://registry.khronos.org/SPIR-V/
enum { SPIRV_MAGIC = 0x07230203, HEADER_WORDS = 5, BOUND_AT = 3 };
enum { OP_ENTRY_POINT = 15, OP_EXECUTION_MODE = 16, OP_VARIABLE = 59, OP_DECORATE = 71 };
enum { MODE_LOCAL_SIZE = 17 };
enum { DECORATION_BINDING = 33, DECORATION_SET = 34 };
enum { STORAGE_UNIFORM = 2, STORAGE_BUFFER = 12 };

typedef struct {
  uint32_t *words;
  uint32_t count;
  char entry[256];
  // Invocations of a workgroup.
  uint32_t threads;
  // By set, as many as sizes say.
  VkDescriptorSetLayoutBinding *bindings[MOST_SETS];
  uint32_t sizes[MOST_SETS];
} Shader;

typedef struct {
  VkDevice device;
  PFN_vkGetPipelineExecutablePropertiesKHR properties;
  PFN_vkGetPipelineExecutableStatisticsKHR statistics;
  PFN_vkGetPipelineExecutableInternalRepresentationsKHR texts;
} Driver;

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count > 0 ? count : 1, size);
  if (memory == NULL) {
    fprintf(stderr, "There is no memory left.\n");
    exit(1);
  }
  return memory;
}

static void print_string(const char *text) {
  putchar('"');
  for (; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') printf("\\%c", c);
    else if (c == '\n') printf("\\n");
    else if (c < 0x20) printf("\\u%04x", c);
    else putchar(c);
  }
  putchar('"');
}

// NULL, or why the file is no shader.
static const char *read_shader(const char *path, Shader *shader) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return "cannot be read";
  fseek(file, 0, SEEK_END);
  long bytes = ftell(file);
  rewind(file);
  if (bytes < HEADER_WORDS * 4 || bytes % 4 != 0) {
    fclose(file);
    return "is no SPIR-V";
  }
  shader->count = (uint32_t)(bytes / 4);
  shader->words = allocate(shader->count, 4);
  size_t got = fread(shader->words, 4, shader->count, file);
  fclose(file);
  if (got != shader->count || shader->words[0] != SPIRV_MAGIC) return "is no SPIR-V";
  return NULL;
}

// Finds the entry point, its workgroup and what the shader binds.
static const char *read_interface(Shader *shader) {
  typedef struct { uint32_t set, binding; } Place;
  const uint32_t *words = shader->words;
  const uint32_t bound = words[BOUND_AT];
  Place *places = allocate(bound, sizeof(Place));
  for (int set = 0; set < MOST_SETS; set++) shader->bindings[set] = allocate(bound, sizeof(VkDescriptorSetLayoutBinding));
  const char *fault = NULL;
  // Decorations come before the variables that they are about.
  for (uint32_t at = HEADER_WORDS; at < shader->count && fault == NULL;) {
    const uint32_t *word = &words[at];
    const uint32_t op = word[0] & 0xffff, length = word[0] >> 16;
    if (length == 0 || at + length > shader->count) {
      fault = "is damaged";
    } else if (op == OP_ENTRY_POINT && length > 3) {
      snprintf(shader->entry, sizeof shader->entry, "%.*s", (int)(length - 3) * 4, (const char *)&word[3]);
    } else if (op == OP_EXECUTION_MODE && length > 5 && word[2] == MODE_LOCAL_SIZE) {
      shader->threads = word[3] * word[4] * word[5];
    } else if (op == OP_DECORATE && length > 3 && word[1] < bound) {
      if (word[2] == DECORATION_SET) places[word[1]].set = word[3];
      if (word[2] == DECORATION_BINDING) places[word[1]].binding = word[3];
    } else if (op == OP_VARIABLE && length > 3 && word[2] < bound && (word[3] == STORAGE_UNIFORM || word[3] == STORAGE_BUFFER)) {
      const Place place = places[word[2]];
      if (place.set >= MOST_SETS) fault = "binds more sets than WebGPU has";
      else
        shader->bindings[place.set][shader->sizes[place.set]++] = (VkDescriptorSetLayoutBinding){
          .binding = place.binding,
          .descriptorType = word[3] == STORAGE_BUFFER ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER : VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
          .descriptorCount = 1,
          .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    }
    at += length;
  }
  free(places);
  return fault;
}

static const char *compile(const Driver *driver, const Shader *shader, VkPipeline *pipeline) {
  VkDescriptorSetLayout sets[MOST_SETS];
  for (int set = 0; set < MOST_SETS; set++) {
    const VkDescriptorSetLayoutCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
      .bindingCount = shader->sizes[set],
      .pBindings = shader->bindings[set],
    };
    if (vkCreateDescriptorSetLayout(driver->device, &info, NULL, &sets[set]) != VK_SUCCESS) return "its bindings were refused";
  }
  // What Dawn passes beside the bindings, such as the lengths of arrays.
  const VkPushConstantRange constants = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = 128};
  const VkPipelineLayoutCreateInfo layout_info = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
    .setLayoutCount = MOST_SETS,
    .pSetLayouts = sets,
    .pushConstantRangeCount = 1,
    .pPushConstantRanges = &constants,
  };
  VkPipelineLayout layout;
  if (vkCreatePipelineLayout(driver->device, &layout_info, NULL, &layout) != VK_SUCCESS) return "its layout was refused";
  const VkShaderModuleCreateInfo module_info = {
    .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
    .codeSize = (size_t)shader->count * 4,
    .pCode = shader->words,
  };
  VkShaderModule module;
  if (vkCreateShaderModule(driver->device, &module_info, NULL, &module) != VK_SUCCESS) return "it was refused";
  const VkComputePipelineCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
    .flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR | VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR,
    .stage =
      {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
        .stage = VK_SHADER_STAGE_COMPUTE_BIT,
        .module = module,
        .pName = shader->entry,
      },
    .layout = layout,
  };
  if (vkCreateComputePipelines(driver->device, VK_NULL_HANDLE, 1, &info, NULL, pipeline) != VK_SUCCESS) return "it was not compiled";
  return NULL;
}

static void print_statistics(const Driver *driver, const VkPipelineExecutableInfoKHR *executable) {
  VkPipelineExecutableStatisticKHR statistics[MOST_STATISTICS];
  uint32_t count = MOST_STATISTICS;
  for (int at = 0; at < MOST_STATISTICS; at++)
    statistics[at] = (VkPipelineExecutableStatisticKHR){.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
  driver->statistics(driver->device, executable, &count, statistics);
  printf("{");
  for (uint32_t at = 0; at < count; at++) {
    const VkPipelineExecutableStatisticKHR *one = &statistics[at];
    if (at > 0) printf(",");
    print_string(one->name);
    printf(":");
    switch (one->format) {
      case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR: printf(one->value.b32 ? "1" : "0"); break;
      case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR: printf("%lld", (long long)one->value.i64); break;
      case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR: printf("%llu", (unsigned long long)one->value.u64); break;
      default: printf("%.17g", one->value.f64);
    }
  }
  printf("}");
}

static void print_assembly(const Driver *driver, const VkPipelineExecutableInfoKHR *executable) {
  VkPipelineExecutableInternalRepresentationKHR texts[MOST_TEXTS];
  uint32_t count = MOST_TEXTS;
  for (int at = 0; at < MOST_TEXTS; at++)
    texts[at] = (VkPipelineExecutableInternalRepresentationKHR){.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR};
  driver->texts(driver->device, executable, &count, texts);
  // The first call told the sizes.
  for (uint32_t at = 0; at < count; at++) texts[at].pData = allocate(texts[at].dataSize + 1, 1);
  driver->texts(driver->device, executable, &count, texts);
  const char *assembly = "";
  for (uint32_t at = 0; at < count; at++)
    if (texts[at].isText && strcmp(texts[at].name, "Assembly") == 0) assembly = texts[at].pData;
  print_string(assembly);
  for (uint32_t at = 0; at < count; at++) free(texts[at].pData);
}

static void report(const Driver *driver, const char *path) {
  Shader shader = {.entry = "main"};
  VkPipeline pipeline = VK_NULL_HANDLE;
  const char *fault = read_shader(path, &shader);
  if (fault == NULL) fault = read_interface(&shader);
  if (fault == NULL) fault = compile(driver, &shader, &pipeline);
  printf("{\"file\":");
  print_string(path);
  if (fault != NULL) {
    printf(",\"error\":");
    print_string(fault);
  } else {
    const VkPipelineInfoKHR which = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline};
    VkPipelineExecutablePropertiesKHR properties = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
    uint32_t count = 1;
    driver->properties(driver->device, &which, &count, &properties);
    const VkPipelineExecutableInfoKHR executable = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline};
    printf(",\"subgroupSize\":%u,\"threads\":%u,\"statistics\":", properties.subgroupSize, shader.threads);
    print_statistics(driver, &executable);
    printf(",\"assembly\":");
    print_assembly(driver, &executable);
    vkDestroyPipeline(driver->device, pipeline, NULL);
  }
  printf("}\n");
  // What was compiled before a crash of the driver is known.
  fflush(stdout);
  free(shader.words);
  for (int set = 0; set < MOST_SETS; set++) free(shader.bindings[set]);
}

static bool offers(VkPhysicalDevice physical, const char *extension) {
  uint32_t count = 0;
  vkEnumerateDeviceExtensionProperties(physical, NULL, &count, NULL);
  VkExtensionProperties *all = allocate(count, sizeof *all);
  vkEnumerateDeviceExtensionProperties(physical, NULL, &count, all);
  bool found = false;
  for (uint32_t at = 0; at < count; at++) found = found || strcmp(all[at].extensionName, extension) == 0;
  free(all);
  return found;
}

// NULL, or why there is no driver to ask.
static const char *open_driver(Driver *driver) {
  const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_3};
  const VkInstanceCreateInfo instance_info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
  VkInstance instance;
  if (vkCreateInstance(&instance_info, NULL, &instance) != VK_SUCCESS) return "no Vulkan driver answers";
  uint32_t count = 1;
  VkPhysicalDevice physical;
  if (vkEnumeratePhysicalDevices(instance, &count, &physical) < 0 || count == 0) return "the Vulkan driver offers no GPU";

  const char *wanted[] = {
    VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME,
    VK_EXT_ROBUSTNESS_2_EXTENSION_NAME,
    "VK_KHR_shader_maximal_reconvergence",
  };
  const char *extensions[3];
  uint32_t enabled = 0;
  for (int at = 0; at < 3; at++)
    if (offers(physical, wanted[at])) extensions[enabled++] = wanted[at];
  if (enabled == 0 || extensions[0] != wanted[0]) return "the Vulkan driver does not tell what it compiles";

  VkPhysicalDeviceRobustness2FeaturesEXT robustness = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ROBUSTNESS_2_FEATURES_EXT};
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR executables = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
    .pNext = &robustness,
  };
  VkPhysicalDeviceVulkan13Features features13 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES, .pNext = &executables};
  VkPhysicalDeviceVulkan12Features features12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, .pNext = &features13};
  VkPhysicalDeviceVulkan11Features features11 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, .pNext = &features12};
  VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &features11};
  vkGetPhysicalDeviceFeatures2(physical, &features);
  robustness.robustImageAccess2 = VK_FALSE;
  robustness.nullDescriptor = VK_FALSE;
  const float priority = 1;
  const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &priority};
  const VkDeviceCreateInfo device_info = {
    .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
    .pNext = &features,
    .queueCreateInfoCount = 1,
    .pQueueCreateInfos = &queue,
    .enabledExtensionCount = enabled,
    .ppEnabledExtensionNames = extensions,
  };
  if (vkCreateDevice(physical, &device_info, NULL, &driver->device) != VK_SUCCESS) return "the Vulkan driver opens no device";
  driver->properties = (PFN_vkGetPipelineExecutablePropertiesKHR)vkGetDeviceProcAddr(driver->device, "vkGetPipelineExecutablePropertiesKHR");
  driver->statistics = (PFN_vkGetPipelineExecutableStatisticsKHR)vkGetDeviceProcAddr(driver->device, "vkGetPipelineExecutableStatisticsKHR");
  driver->texts = (PFN_vkGetPipelineExecutableInternalRepresentationsKHR)vkGetDeviceProcAddr(
    driver->device, "vkGetPipelineExecutableInternalRepresentationsKHR");
  return NULL;
}

int main(int argc, char **argv) {
  Driver driver = {0};
  const char *fault = open_driver(&driver);
  if (fault != NULL) {
    fprintf(stderr, "%s\n", fault);
    return 1;
  }
  for (int at = 1; at < argc; at++) report(&driver, argv[at]);
  return 0;
}

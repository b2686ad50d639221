package org.elasticsearch.plugins;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;

import org.elasticsearch.Version;
import org.elasticsearch.action.admin.cluster.node.info.PluginsAndModules;
import org.elasticsearch.env.Environment;

/**
 * The plugins of a server that has them on its class path: the folders of modules that a server otherwise reads come
 * only with its archive. The superclass has no other door than this package.
 */
public final class ClassPathPlugins extends PluginsService {
    private final List<LoadedPlugin> loaded;

    public ClassPathPlugins(Environment environment, List<Plugin> plugins) {
        super(environment.settings(), environment.configDir(), none());
        loaded = plugins.stream().map(ClassPathPlugins::load).toList();
        loadExtensions(loaded);
    }

    /** What reads no folder. */
    public static PluginsLoader none() {
        return PluginsLoader.createPluginsLoader(Set.of(), Set.of(), Map.of(), false);
    }

    private static LoadedPlugin load(Plugin plugin) {
        var type = plugin.getClass();
        var java = Integer.toString(Runtime.version().feature());
        var descriptor = new PluginDescriptor(type.getSimpleName(), type.getName(), "1", Version.CURRENT.toString(), java,
            type.getName(), null, List.of(), false, false, false, false);
        return new LoadedPlugin(descriptor, plugin, type.getClassLoader());
    }

    /** The superclass asks before there are any. */
    @Override
    protected List<LoadedPlugin> plugins() {
        return loaded == null ? List.of() : loaded;
    }

    @Override
    public PluginsAndModules info() {
        return new PluginsAndModules(List.of(), List.of());
    }

    /** A provider may want its plugin; one whose plugin is not here is left out. */
    @Override
    public <T> List<? extends T> loadServiceProviders(Class<T> service) {
        List<T> providers = new ArrayList<>();
        for (var found : ServiceLoader.load(service, getClass().getClassLoader()).stream().toList()) {
            var constructor = Arrays.stream(found.type().getConstructors())
                .max(Comparator.comparingInt(c -> c.getParameterCount())).orElseThrow();
            try {
                if (constructor.getParameterCount() == 0) {
                    providers.add(found.get());
                    continue;
                }
                for (var plugin : loaded) {
                    if (constructor.getParameterTypes()[0].isInstance(plugin.instance())) {
                        providers.add(service.cast(constructor.newInstance(plugin.instance())));
                    }
                }
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("make a " + found.type(), e);
            }
        }
        return providers;
    }
}

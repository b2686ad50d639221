package org.elasticsearch.node;

import java.util.List;

import org.elasticsearch.env.Environment;
import org.elasticsearch.plugins.ClassPathPlugins;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.plugins.PluginsLoader;
import org.elasticsearch.plugins.PluginsService;

/** A node with plugins off its class path. How a node is made is open to this package only. */
public final class OneNode extends Node {
    public OneNode(Environment environment, List<Plugin> plugins) {
        super(NodeConstruction.prepareConstruction(environment, ClassPathPlugins.none(), new NodeServiceProvider() {
            @Override
            PluginsService newPluginService(Environment e, PluginsLoader unused) {
                return new ClassPathPlugins(e, plugins);
            }
        }, true));
    }
}
